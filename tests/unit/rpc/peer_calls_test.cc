// What peers ask of one another beside messages: who they are, snapshots, changes of the members.
#include "services/rpc/peer_calls.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/rpc/snapshot_call.h"
#include "tests/unit/rpc/peer_node.h"

namespace synod::rpc {
namespace {

TEST(PeerCallsTest, AnswersWhoAJoiningNodeIs) {
  PeerNode a(1);
  const auto known = AskWhoIAm(a.address(), {"http://known:1"}, kPatience);
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->cluster, kCluster);
  EXPECT_EQ(known->member, NodeId(77));
  EXPECT_EQ(known->configuration_version, 5u);
  ASSERT_EQ(known->members.size(), 1u);
  EXPECT_EQ(known->members[0].peer_urls, std::vector<std::string>{"http://a:1"});
  EXPECT_TRUE(absl::IsNotFound(AskWhoIAm(a.address(), {"http://other:1"}, kPatience).status()));
}

TEST(PeerCallsTest, SendsASnapshotFromAnyPlaceToMembersOnly) {
  PeerNode a(1), b(2);
  const auto fetch = [&](SnapshotPlace from, NodeId self, std::string& files) {
    SnapshotCall call;
    bool begun = false;
    return call.Run({a.address(), kCluster, self, Slot(3), from},
                    {[&](absl::string_view descriptor) {
                       EXPECT_EQ(descriptor, "three files");
                       EXPECT_FALSE(std::exchange(begun, true));
                       return absl::OkStatus();
                     },
                     [&](uint32_t file, uint64_t offset, absl::string_view data) {
                       EXPECT_TRUE(begun);
                       EXPECT_EQ(kSnapshotFiles[file].substr(offset, data.size()), data);
                       absl::StrAppend(&files, data);
                       return absl::OkStatus();
                     }});
  };
  std::string files;
  EXPECT_TRUE(absl::IsFailedPrecondition(fetch({}, b.id(), files))) << "no member";
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(fetch({}, b.id(), files).ok());
  EXPECT_EQ(files, "abcdefghij");
  files.clear();
  ASSERT_TRUE(fetch({5, 0, 4}, b.id(), files).ok());
  EXPECT_EQ(files, "efghij");
  files.clear();
  ASSERT_TRUE(fetch({5, 2, 4}, b.id(), files).ok());
  EXPECT_EQ(files, "") << "everything had come";
  EXPECT_TRUE(absl::IsNotFound(fetch({6, 0, 0}, b.id(), files)));
  EXPECT_TRUE(absl::IsOutOfRange(fetch({5, 0, 7}, b.id(), files)));
}

TEST(PeerCallsTest, ASinkThatRefusesEndsTheSnapshot) {
  PeerNode a(1), b(2);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  SnapshotCall call;
  const absl::Status status = call.Run({a.address(), kCluster, b.id(), Slot(3), {}},
                                       {[](absl::string_view) { return absl::OkStatus(); },
                                        [](uint32_t, uint64_t, absl::string_view) {
                                          return absl::ResourceExhaustedError("the disk is full");
                                        }});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST(PeerCallsTest, TakesChangesOfTheMembersOnlyWhileItLeads) {
  PeerNode a(1);
  const MemberChange change = AddMember{{"http://new:1"}, false};
  EXPECT_TRUE(
      absl::IsFailedPrecondition(AskForChange(a.address(), kCluster, change, kPatience).status()));
  a.Lead();
  const auto outcome = AskForChange(a.address(), kCluster, change, kPatience);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->added, NodeId(9));
  ASSERT_EQ(outcome->members.size(), 1u);
  EXPECT_EQ(outcome->members[0].peer_urls, std::vector<std::string>{"http://new:1"});
  EXPECT_TRUE(outcome->members[0].learner);
  EXPECT_EQ(a.change_timeout(), kPatience);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AskForChange(a.address(), ClusterId(0xbad), change, kPatience).status()))
      << "a change meant for another cluster";
}

}  // namespace
}  // namespace synod::rpc
