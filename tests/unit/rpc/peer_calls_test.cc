// What peers ask of one another beside messages: who they are, snapshots, changes of the members.
#include "services/rpc/peer_calls.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/rpc/peer_channel.h"
#include "services/rpc/snapshot_call.h"
#include "synod/paxos/v1/peer.grpc.pb.h"
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

TEST(PeerCallsTest, HashesItsStoreForMembersOnly) {
  PeerNode a(1), b(2);
  const auto ask = [&](ClusterId cluster, NodeId self, kv::Revision revision) {
    return AskForHash(a.address(), {cluster, self, revision}, kPatience, [] { return false; });
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(ask(kCluster, b.id(), 10).status())) << "no member";
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(ask(ClusterId(0xbad), b.id(), 10).status()));
  const auto hash = ask(kCluster, b.id(), kHashed.revision);
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(hash->hash, kHashed.hash);
  EXPECT_EQ(hash->compact_revision, kHashed.compact_revision);
  EXPECT_EQ(hash->revision, kHashed.revision);
  EXPECT_TRUE(absl::IsOutOfRange(ask(kCluster, b.id(), 9).status()));
}

TEST(PeerCallsTest, RefusesToCompareHashesOfAnotherForm) {
  PeerNode a(1), b(2);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  paxos::v1::HashStoreRequest request;
  request.set_cluster_id(kCluster.value());
  request.set_from(b.id().value());
  request.set_revision(kHashed.revision);
  request.set_form(kv::kHashForm + 1);
  paxos::v1::HashStoreResponse response;
  grpc::ClientContext context;
  const grpc::Status status =
      paxos::v1::Peer::NewStub(ConnectToPeer(a.address()))->HashStore(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("run the same release"), std::string::npos);
}

TEST(PeerCallsTest, AHashEndsWithWhoeverWaitsForIt) {
  PeerNode a(1), b(2);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  const auto hash =
      AskForHash(a.address(), {kCluster, b.id(), 11}, kPatience, [&] { return a.AwaitHashing(); });
  EXPECT_TRUE(absl::IsCancelled(hash.status())) << hash.status();
  EXPECT_TRUE(a.AwaitHashGivenUp());
}

const auto kGoOn = [] { return false; };

TEST(PeerCallsTest, TakesChangesOfTheMembersOnlyWhileItLeads) {
  PeerNode a(1);
  const MemberChange change = AddMember{{"http://new:1"}, false};
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AskForChange(a.address(), kCluster, change, kPatience, kGoOn).status()));
  a.Lead();
  const auto outcome = AskForChange(a.address(), kCluster, change, kPatience, kGoOn);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->added, NodeId(9));
  ASSERT_EQ(outcome->members.size(), 1u);
  EXPECT_EQ(outcome->members[0].peer_urls, std::vector<std::string>{"http://new:1"});
  EXPECT_TRUE(outcome->members[0].learner);
  EXPECT_EQ(a.change_timeout(), kPatience);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AskForChange(a.address(), ClusterId(0xbad), change, kPatience, kGoOn).status()))
      << "a change meant for another cluster";
}

// A node that stops does not wait for a leader that hangs.
TEST(PeerCallsTest, AskingForAChangeEndsWhenItIsCancelled) {
  PeerNode a(1);
  a.Lead();
  a.HoldChanges();
  int asked = 0;
  const auto outcome = AskForChange(a.address(), kCluster, AddMember{{"http://new:1"}, false},
                                    absl::Hours(1), [&asked] { return ++asked == 2; });
  EXPECT_TRUE(absl::IsCancelled(outcome.status())) << outcome.status();
}

}  // namespace
}  // namespace synod::rpc
