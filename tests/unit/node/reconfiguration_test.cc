// Clusters that grow, shrink and mend, in one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node/test_cluster.h"

namespace synod::node {
namespace {

using rpc::AddMember;
using rpc::Failure;
using rpc::MemberRefusal;
using rpc::RemoveMember;
using ::testing::HasSubstr;

class ReconfigurationTest : public ClusterTest {
 protected:
  void Remove(size_t asked, NodeId id) {
    const rpc::MemberOutcome outcome = ChangeWhenHealthy(asked, RemoveMember{id});
    ASSERT_EQ(outcome.failure, Failure::kNone);
    ASSERT_EQ(outcome.refusal, MemberRefusal::kNone);
  }
};

TEST_F(ReconfigurationTest, GrowsFromOneToThreeAndBackKeepingEverything) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  MustPut(0, "first", "1");
  ASSERT_NO_FATAL_FAILURE(Grow());
  MustPut(1, "second", "2");
  ASSERT_NO_FATAL_FAILURE(Grow());
  MustPut(2, "third", "3");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Get(i, "first"), "1");
    EXPECT_EQ(Get(i, "second"), "2");
    EXPECT_EQ(Get(i, "third"), "3");
    EXPECT_TRUE(AwaitStatus(i, [](const rpc::NodeStatus& status) {
      return status.members.size() == 3 && status.configuration_version > 1;
    }));
  }

  ASSERT_NO_FATAL_FAILURE(Remove(0, nodes_[2]->Status().self));
  ASSERT_TRUE(AwaitEnd(2));
  EXPECT_TRUE(TakeEnd(2).ok()) << "being removed is no failure";
  nodes_[2].reset();
  MustPut(1, "fourth", "4");
  EXPECT_EQ(Get(0, "fourth"), "4");
}

TEST_F(ReconfigurationTest, ALeaderThatIsRemovedHandsOverFirst) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  MustPut(0, "k", "v");
  const size_t leader = Leader();
  ASSERT_NO_FATAL_FAILURE(Remove(leader, nodes_[leader]->Status().self));
  ASSERT_TRUE(AwaitEnd(leader));
  EXPECT_TRUE(TakeEnd(leader).ok());
  nodes_[leader].reset();
  const size_t other = (leader + 1) % 3;
  MustPut(other, "k", "w");
  EXPECT_EQ(Get(other, "k"), "w");
}

TEST_F(ReconfigurationTest, ARemovedMemberThatWasAwayIsToldWhenItReturns) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t away = (Leader() + 1) % 3;
  const NodeId id = nodes_[away]->Status().self;
  nodes_[away].reset();
  ASSERT_NO_FATAL_FAILURE(Remove(FirstUp(), id));
  ASSERT_NO_FATAL_FAILURE(Start(away));
  ASSERT_TRUE(AwaitEnd(away));
  EXPECT_TRUE(TakeEnd(away).ok());
}

TEST_F(ReconfigurationTest, WhoIsNoMemberYetIsToldHowToBecomeOne) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t stranger = DefineJoining();
  const auto started = Node::Start(options_[stranger], &log_, &clock_, {});
  EXPECT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("etcdctl member add n1"));
  EXPECT_FALSE(std::filesystem::exists(options_[stranger].data_dir)) << "nothing is touched";
}

TEST_F(ReconfigurationTest, AWipedDiskDoesNotVote) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  MustPut(0, "k", "v");
  nodes_[1].reset();
  std::filesystem::remove_all(options_[1].data_dir);
  ASSERT_NO_FATAL_FAILURE(Start(1));
  ASSERT_TRUE(AwaitEnd(1));
  EXPECT_THAT(std::string(TakeEnd(1).message()), HasSubstr("member remove"));
  MustPut(0, "k", "w");
}

TEST_F(ReconfigurationTest, ALostStateComesBackOutOfTheLog) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  MustPut(0, "k", "v");
  EXPECT_EQ(Get(1, "k"), "v");
  nodes_[1].reset();
  std::filesystem::remove_all(options_[1].data_dir + "/state");
  ASSERT_NO_FATAL_FAILURE(Start(1));
  EXPECT_EQ(Get(1, "k"), "v");
}

TEST_F(ReconfigurationTest, AMemberThatWasAwayWhileTheLogWasCutGetsASnapshot) {
  Define(3);
  for (NodeOptions& options : options_) {
    options.snapshot_count = 5;
    options.max_log_bytes = 1;  // everything durable is cut
  }
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t away = (Leader() + 1) % 3;
  // Written when a snapshot comes in; the others look about once a second what they may cut.
  const std::string control = options_[away].data_dir + "/state-control";
  int round = 0;
  do {
    nodes_[away].reset();
    ++round;
    const absl::Duration until = clock_.Monotonic() + absl::Seconds(4);
    while (clock_.Monotonic() < until) MustPut(FirstUp(), "k0", absl::StrCat(round));
    ASSERT_NO_FATAL_FAILURE(Start(away));
    EXPECT_EQ(Get(away, "k0"), absl::StrCat(round));
    ASSERT_LT(round, 5) << "nobody cuts its log";
  } while (!std::filesystem::exists(control));
  EXPECT_EQ(Get(away, "k0"), absl::StrCat(round));
  MustPut(away, "k0", "after");
  EXPECT_EQ(LocalGet(away, "k0"), "after");

  // What it installed is what it starts from.
  nodes_[away].reset();
  ASSERT_NO_FATAL_FAILURE(Start(away));
  EXPECT_EQ(Get(away, "k0"), "after");
}

TEST_F(ReconfigurationTest, LeadershipMovesOnRequestAndOnlyFromTheLeader) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t leader = Leader();
  const size_t other = (leader + 1) % 3;
  const auto move = [&](size_t asked, NodeId to) {
    rpc::HandOverOutcome outcome{};
    absl::Notification done;
    nodes_[asked]->MoveLeader(to, nodes_[asked]->Now() + kLong, [&](rpc::HandOverOutcome result) {
      outcome = result;
      done.Notify();
    });
    done.WaitForNotification();
    return outcome;
  };
  EXPECT_EQ(move(other, nodes_[other]->Status().self), rpc::HandOverOutcome::kNotLeader);
  EXPECT_EQ(move(leader, NodeId(12345)), rpc::HandOverOutcome::kBadTransferee);
  EXPECT_EQ(move(leader, nodes_[other]->Status().self), rpc::HandOverOutcome::kDone);
  EXPECT_TRUE(AwaitStatus(other, [](const rpc::NodeStatus& status) { return status.leading; }));
}

}  // namespace
}  // namespace synod::node
