// Whole clusters in one process: real core, log, engine, transport and clock; ports picked free.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/random.h"
#include "services/node/node.h"
#include "tests/unit/node/rot.h"
#include "tests/unit/node/test_cluster.h"

namespace synod::node {
namespace {

TEST_F(ClusterTest, EveryNodeTakesWritesAndServesLinearizableReads) {
  Define(3);
  StartAll();
  kv::Revision last = 1;
  for (size_t writer = 0; writer < 3; ++writer) {
    const std::string value = absl::StrCat("by ", writer);
    const kv::Revision revision = MustPut(writer, "key", value);
    EXPECT_GT(revision, std::exchange(last, revision));
    for (size_t reader = 0; reader < 3; ++reader) EXPECT_EQ(Get(reader, "key"), value);
  }
}

TEST_F(ClusterTest, MembersLearnWhereTheOthersServeClients) {
  Define(3);
  for (size_t i = 0; i < 3; ++i) {
    options_[i].advertise_client_urls = *ParseUrlList(absl::StrCat("http://clients-of-n", i, ":1"));
  }
  StartAll();
  // An introduction comes before the first message of a peer: who has heard a leader knows it.
  MustPut(0, "key", "value");
  const rpc::NodeStatus status = nodes_[0]->Status();
  for (const rpc::Member& member : status.members) {
    if (member.id != status.leader) continue;
    EXPECT_THAT(member.client_urls,
                ::testing::ElementsAre(absl::StrCat("http://clients-of-", member.name, ":1")));
  }
}

TEST_F(ClusterTest, SingleNodeIsAClusterToo) {
  Define(1);
  StartAll();
  EXPECT_EQ(MustPut(0, "key", "value"), 2);
  EXPECT_EQ(Get(0, "key"), "value");
}

TEST_F(ClusterTest, WritesGoOnWhenTheLeaderStops) {
  Define(3);
  StartAll();
  const size_t leader = Leader();
  MustPut(leader, "before", "1");
  nodes_[leader].reset();
  const size_t survivor = FirstUp();
  MustPut(survivor, "after", "2");
  for (size_t i = 0; i < 3; ++i) {
    if (nodes_[i] == nullptr) continue;
    EXPECT_EQ(Get(i, "before"), "1");
    EXPECT_EQ(Get(i, "after"), "2");
  }
}

TEST_F(ClusterTest, StoppedNodeCatchesUp) {
  Define(3);
  StartAll();
  const size_t leader = Leader();
  const size_t away = (leader + 1) % 3;
  nodes_[away].reset();
  for (int i = 0; i < 50; ++i) {
    MustPut(leader, absl::StrCat("k", i), "v");
  }
  Start(away);
  EXPECT_EQ(Get(away, "k49"), "v");
  EXPECT_EQ(Get(away, "k0"), "v");
}

TEST_F(ClusterTest, RestartOfAllKeepsEverythingAcknowledged) {
  Define(3);
  StartAll();
  for (int i = 0; i < 20; ++i) {
    MustPut(i % 3, absl::StrCat("k", i), absl::StrCat(i));
  }
  Get(0, "k19");
  const kv::Revision revision = nodes_[0]->View()->revision();
  for (auto& node : nodes_) node.reset();
  StartAll();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(i % 3, absl::StrCat("k", i)), absl::StrCat(i));
  EXPECT_EQ(nodes_[0]->View()->revision(), revision);
  EXPECT_GT(MustPut(1, "more", "x"), revision);
}

TEST_F(ClusterTest, WithoutAQuorumWritesAndLinearizableReadsFailAndLocalReadsAnswer) {
  Define(3);
  StartAll();
  MustPut(0, "key", "value");
  ASSERT_EQ(Get(2, "key"), "value");
  nodes_[0].reset();
  nodes_[1].reset();
  // The first may find a leader that has not noticed yet; its outcome is unknown then.
  const rpc::Failure first = Put(2, "key", "lost").failure;
  EXPECT_TRUE(first == rpc::Failure::kNoLeader || first == rpc::Failure::kTimeoutLeaderFailed)
      << static_cast<int>(first);
  EXPECT_EQ(AwaitReadable(2), rpc::Failure::kNoLeader);
  EXPECT_EQ(Put(2, "key", "lost").failure, rpc::Failure::kNoLeader);
  EXPECT_EQ(LocalGet(2, "key"), "value");
  EXPECT_FALSE(nodes_[2]->Status().leader);
}

TEST_F(ClusterTest, ALeaderThatResignsLeavesNoGap) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t leader = Leader();
  // It passes on to nobody it has not heard, and on a busy machine an attempt may run out of time.
  const absl::Duration until = clock_.Monotonic() + kLong;
  while (nodes_[leader]->Status().leading && clock_.Monotonic() < until) nodes_[leader]->Resign();
  EXPECT_TRUE(AwaitStatus(leader, [](const rpc::NodeStatus& status) {
    return !status.leading && status.leader && status.leader != status.self;
  }));
  MustPut(leader, "k", "v");
}

TEST_F(ClusterTest, WhoWaitsIsToldWhenTheNodeStops) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(Start(0));  // alone: nothing is ever chosen
  rpc::Failure failure = rpc::Failure::kNone;
  absl::Notification done;
  nodes_[0]->Propose(kv::PutRequest{}, nodes_[0]->Now() + kLong,
                     [&](const rpc::ProposeOutcome& outcome) {
                       failure = outcome.failure;
                       done.Notify();
                     });
  nodes_[0]->RefuseClients();
  done.WaitForNotification();
  EXPECT_EQ(failure, rpc::Failure::kStopped);
  EXPECT_EQ(Put(0, "k", "v").failure, rpc::Failure::kStopped);
  EXPECT_EQ(AwaitReadable(0), rpc::Failure::kStopped);
}

TEST_F(ClusterTest, DeadlineIsKeptWhileThereIsNoLeader) {
  Define(3);
  options_[0].election_timeout = absl::Seconds(40);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  EXPECT_EQ(Put(0, "key", "value", absl::Milliseconds(50)).failure, rpc::Failure::kTimeout);
  EXPECT_EQ(AwaitReadable(0, absl::Milliseconds(50)), rpc::Failure::kTimeout);
}

TEST_F(ClusterTest, SubscribersHearOfTheLeaderAndNotAfterTheyLeft) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  auto heard = std::make_shared<absl::Notification>();
  std::shared_ptr<void> handle = nodes_[0]->Subscribe([heard, node = nodes_[0].get()] {
    if (node->Status().leading && !heard->HasBeenNotified()) heard->Notify();
  });
  if (!nodes_[0]->Status().leading) {
    EXPECT_TRUE(heard->WaitForNotificationWithTimeout(kLong));
  }
  handle.reset();
  EXPECT_EQ(heard.use_count(), 1) << "the callback is gone with its handle";
}

TEST_F(ClusterTest, DefragmentingRightAfterACompactionGivesTheSpaceBack) {
  constexpr size_t kValue = 1 << 20;
  Define(1);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  Random random(7);
  kv::Revision newest = 0;
  for (int i = 0; i < 4; ++i) {
    std::string incompressible(kValue, '\0');
    for (char& byte : incompressible) byte = static_cast<char>(random.Next());
    newest = MustPut(0, "k", incompressible);
  }
  ASSERT_GT(nodes_[0]->Status().db_size_bytes, 4 * kValue);

  absl::Notification compacted;
  nodes_[0]->Propose(kv::CompactRequest{newest}, nodes_[0]->Now() + kLong,
                     [&](const rpc::ProposeOutcome& outcome) {
                       EXPECT_EQ(outcome.failure, rpc::Failure::kNone);
                       compacted.Notify();
                     });
  compacted.WaitForNotification();
  absl::Notification defragmented;
  nodes_[0]->Defragment(std::make_shared<std::atomic<bool>>(false),
                        [&](const absl::Status& status) {
                          EXPECT_TRUE(status.ok()) << status;
                          defragmented.Notify();
                        });
  defragmented.WaitForNotification();
  EXPECT_LT(nodes_[0]->Status().db_size_bytes, 2 * kValue);
}

// RocksDB opens with damaged blocks: they are met when the log is applied, at every start.
TEST_F(ClusterTest, RotMetWhileApplyingIsMendedByTheNextStart) {
  Define(3);
  StartAll();
  const std::string long_name(1000, 'k');  // of names, too, there are whole blocks
  const auto put_all = [&](const std::string& value) {
    for (int i = 0; i < 10; ++i) MustPut(0, absl::StrCat(i, long_name), value);
  };
  put_all(std::string(2000, 'v'));
  AwaitReader(2);
  nodes_[2].reset();
  RotTables(options_[2].data_dir + "/state");
  put_all("new");
  Start(2);
  ASSERT_TRUE(AwaitEnd(2));
  EXPECT_TRUE(absl::IsDataLoss(TakeEnd(2)));
  nodes_[2].reset();
  Start(2);
  EXPECT_EQ(Get(2, "0" + long_name), "new");
  EXPECT_EQ(Get(2, "9" + long_name), "new");
  EXPECT_TRUE(std::filesystem::exists(options_[2].data_dir + "/state.damaged-1"));
}

TEST_F(ClusterTest, DirectoryOfAnotherMemberIsRefused) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  const auto in_use = Node::Start(options_[0], &log_, &clock_, {});
  EXPECT_THAT(std::string(in_use.status().message()), ::testing::HasSubstr("another process"));
  nodes_[0].reset();
  NodeOptions other = options_[1];
  other.data_dir = options_[0].data_dir;
  EXPECT_EQ(Node::Start(other, &log_, &clock_, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  NodeOptions elsewhere = options_[0];
  elsewhere.initial_cluster_token = "another";
  EXPECT_EQ(Node::Start(elsewhere, &log_, &clock_, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Start(0);
}

TEST_F(ClusterTest, ExistingMemberNeedsItsData) {
  Define(1);
  options_[0].join_existing = true;
  EXPECT_EQ(Node::Start(options_[0], &log_, &clock_, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(options_[0].data_dir)) << "nothing is touched";
  options_[0].join_existing = false;
  ASSERT_NO_FATAL_FAILURE(Start(0));
  nodes_[0].reset();
  options_[0].join_existing = true;
  Start(0);
}

TEST_F(ClusterTest, PeerPortInUseIsAnErrorThatNamesIt) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  NodeOptions second = options_[0];
  second.data_dir += "-second";
  const auto started = Node::Start(second, &log_, &clock_, {});
  EXPECT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(started.status().message()),
              ::testing::HasSubstr(second.listen_peer_url.address.ToString()));
}

}  // namespace
}  // namespace synod::node
