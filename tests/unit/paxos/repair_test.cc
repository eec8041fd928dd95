// What a damaged log may and may not say. The rules are those of Alagappan et al., "Protocol-Aware
// Recovery for Consensus-Based Storage" (FAST 2018), section 3, put in terms of ballots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "services/paxos/acceptor.h"
#include "tests/unit/paxos/cluster.h"
#include "tests/unit/paxos/words.h"

namespace synod::paxos {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One value is chosen by the leader and one follower; the third node never saw it.
struct OneWrite {
  OneWrite() {
    leader = cluster.ElectLeader();
    voter = leader % 3 + 1;
    stranger = voter % 3 + 1;
    cluster.TickAll(5);
    cluster.Isolate(stranger);
    cluster.Propose(leader, "a");
    cluster.Settle();
    slot = static_cast<int>(cluster.applied(leader).rbegin()->first.value());
  }
  void CrashAll() {
    for (int node : {1, 2, 3}) cluster.Crash(node);
    cluster.Isolate(stranger, false);
  }

  Cluster cluster{3};
  int leader = 0;
  int voter = 0;
  int stranger = 0;
  int slot = 0;
};

TEST(RepairTest, AnUnreadableEntryIsRepairedFromItsPeers) {
  OneWrite run;
  run.CrashAll();
  run.cluster.Corrupt(run.leader, run.slot);
  for (int node : {1, 2, 3}) run.cluster.Restart(node);
  ASSERT_NE(run.cluster.ElectLeader(), 0);
  run.cluster.TickAll(10);
  for (int node : {1, 2, 3}) EXPECT_THAT(run.cluster.commands(node), ElementsAre("a")) << node;
}

TEST(RepairTest, TheOtherCopyIsEnough) {
  OneWrite run;
  run.CrashAll();
  run.cluster.Corrupt(run.leader, run.slot);
  run.cluster.Restart(run.leader);
  run.cluster.Restart(run.voter);
  ASSERT_NE(run.cluster.ElectLeader(), 0);
  run.cluster.TickAll(10);
  EXPECT_THAT(run.cluster.commands(run.leader), ElementsAre("a"));
}

// Taken for "never accepted", the acknowledged value would be lost here.
TEST(RepairTest, WithoutTheOtherCopyNothingIsInvented) {
  OneWrite run;
  run.CrashAll();
  run.cluster.Corrupt(run.leader, run.slot);
  run.cluster.Restart(run.leader);
  run.cluster.Restart(run.stranger);
  run.cluster.TickAll(300);
  EXPECT_EQ(run.cluster.leader(), 0);
  EXPECT_THAT(run.cluster.commands(run.stranger), IsEmpty());
  run.cluster.Restart(run.voter);
  ASSERT_NE(run.cluster.ElectLeader(), 0);
  run.cluster.TickAll(10);
  for (int node : {1, 2, 3}) EXPECT_THAT(run.cluster.commands(node), ElementsAre("a")) << node;
}

TEST(RepairTest, BothCopiesUnreadableHaltsForGood) {
  OneWrite run;
  run.CrashAll();
  run.cluster.Corrupt(run.leader, run.slot);
  run.cluster.Corrupt(run.voter, run.slot);
  for (int node : {1, 2, 3}) run.cluster.Restart(node);
  run.cluster.TickAll(300);
  EXPECT_EQ(run.cluster.leader(), 0);
}

// Never chosen: a minority's vote that its own log cannot read. The others say it was never there.
TEST(RepairTest, AnEntryThatAMajorityNeverAcceptedIsDiscarded) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.TickAll(5);
  cluster.Isolate(leader);
  cluster.Propose(leader, "lonely");
  cluster.Settle();
  const int slot = static_cast<int>(cluster.applied(leader).rbegin()->first.value()) + 1;
  cluster.Crash(leader);
  cluster.Corrupt(leader, slot);
  cluster.Isolate(leader, false);
  cluster.Restart(leader);
  const int next = cluster.ElectLeader();
  ASSERT_NE(next, 0);
  cluster.Propose(next, "b");
  cluster.TickAll(10);
  for (int node : {1, 2, 3}) EXPECT_THAT(cluster.commands(node), ElementsAre("b")) << node;
}

TEST(RepairTest, LostVotesKeepASilentMajorityFromForming) {
  OneWrite run;
  run.CrashAll();
  run.cluster.LoseVotes(run.leader);
  run.cluster.Restart(run.leader);
  run.cluster.Restart(run.stranger);
  run.cluster.TickAll(300);
  EXPECT_EQ(run.cluster.leader(), 0);
  run.cluster.Restart(run.voter);
  ASSERT_NE(run.cluster.ElectLeader(), 0);
  run.cluster.TickAll(20);
  EXPECT_THAT(run.cluster.commands(run.leader), ElementsAre("a"));
  // Once it has learned everything its votes count again, restarts included.
  run.cluster.Crash(run.voter);
  ASSERT_NE(run.cluster.ElectLeader(), 0);
  run.cluster.Crash(run.leader);
  run.cluster.Restart(run.leader);
  const int leader = run.cluster.ElectLeader();
  ASSERT_NE(leader, 0);
  run.cluster.Propose(leader, "b");
  run.cluster.TickAll(20);
  EXPECT_THAT(run.cluster.commands(run.stranger), ElementsAre("a", "b"));
}

// The leader of the ballot that was lost can repair nobody at that ballot.
TEST(RepairTest, ALeaderRisesAboveTheVotesThatAMemberLost) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int damaged = leader % 3 + 1;
  cluster.TickAll(5);
  cluster.Propose(leader, "a");
  cluster.TickAll(5);
  cluster.Crash(damaged);
  cluster.LoseVotes(damaged);
  cluster.Restart(damaged);
  cluster.TickAll(20);
  EXPECT_EQ(cluster.leader(), leader) << "it goes on leading, without an election";
  cluster.Crash(leader);
  EXPECT_NE(cluster.ElectLeader(), 0) << "two of three are up, equal and connected";
}

TEST(RepairTest, MembersDamagedOneAfterTheOtherDoNotAddUp) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  for (const int damaged : {leader % 3 + 1, (leader + 1) % 3 + 1}) {
    cluster.Crash(damaged);
    cluster.LoseVotes(damaged);
    cluster.Restart(damaged);
    cluster.Propose(leader, "a");
    cluster.TickAll(20);
  }
  cluster.Crash(leader);
  cluster.Restart(leader);
  EXPECT_NE(cluster.ElectLeader(), 0) << "all three are up, equal and connected";
}

TEST(RepairTest, ALeaderRepairsItself) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int other = leader % 3 + 1;
  cluster.TickAll(5);
  cluster.Crash(leader);
  cluster.LoseVotes(leader);
  cluster.Restart(leader);
  // The others lose patience with it in vain; then it is the only one to try.
  for (int node : {1, 2, 3}) cluster.Isolate(node);
  cluster.TickAll(30);
  for (int node : {1, 2, 3}) cluster.Isolate(node, false);
  for (int tick = 0; tick < 200 && cluster.leader() != leader; ++tick) cluster.Tick(leader);
  ASSERT_EQ(cluster.leader(), leader);
  cluster.Crash(other);
  cluster.LoseVotes(other);
  cluster.Restart(other);
  cluster.TickAll(20);
  cluster.Crash(other % 3 + 1);
  EXPECT_NE(cluster.ElectLeader(), 0) << "two of three are up, equal and connected";
}

// Nobody would be informed at the higher ballot.
TEST(RepairTest, ALeaderDoesNotRiseWithoutAQuorumOfWholeLogs) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int damaged = leader % 3 + 1;
  cluster.Crash(damaged % 3 + 1);
  cluster.TickAll(30);
  cluster.Crash(damaged);
  cluster.LoseVotes(damaged);
  cluster.Restart(damaged);
  cluster.TickAll(50);
  EXPECT_EQ(cluster.leader(), leader);
  cluster.Propose(leader, "a");
  cluster.TickAll(3);
  EXPECT_THAT(cluster.commands(damaged), ElementsAre("a"));
}

// What is chosen above a gap stays what the log holds there: a late Accept of a replaced leader
// must not take its place.
TEST(RepairTest, WhatWaitsAboveAGapGetsNoVoteForAnotherValue) {
  for (const bool same : {true, false}) {
    RecoveredState recovered;
    recovered.founded = true;
    recovered.promised = At(3);
    recovered.configurations = ConfigurationHistory(kThree);
    recovered.unknown = {{Slot(1), Ballot()}};
    recovered.chosen = {{Slot(2), ValueOf("x")}};
    ReplicaOptions options;
    options.self = NodeId(1);
    Replica replica(options, std::move(recovered));
    const Value value = ValueOf(same ? "x" : "y");
    replica.Step(
        {options.group, NodeId(2), NodeId(1), Accept{{7, NodeId(2)}, Slot(2), value, Slot()}});
    EXPECT_EQ(replica.TakeReady().records.empty(), !same);
  }
}

// The watermark proves the value, but the log still takes the slot for lost: it would be unknown
// again after the next restart, and could not be taught.
TEST(RepairTest, ADoubtfulSlotIsLearnedIntoTheLog) {
  for (const bool doubtful : {false, true}) {
    RecoveredState recovered;
    recovered.founded = true;
    recovered.promised = At(3);
    recovered.configurations = ConfigurationHistory(kThree);
    recovered.accepted = {{Slot(1), At(3), ValueOf("x")}};
    if (doubtful) recovered.unknown = {{Slot(1), Ballot()}};
    ReplicaOptions options;
    options.self = NodeId(2);
    Replica replica(options, std::move(recovered));
    Heartbeat heartbeat;
    heartbeat.ballot = At(3);
    heartbeat.chosen_through = Slot(1);
    replica.Step({options.group, NodeId(1), NodeId(2), heartbeat});
    EXPECT_EQ(replica.status().chosen_through, doubtful ? Slot() : Slot(1));
    if (!doubtful) continue;
    replica.Step(
        {options.group, NodeId(1), NodeId(2), Learned{{{Slot(1), ValueOf("x")}}, Slot(1)}});
    const Ready ready = replica.TakeReady();
    ASSERT_EQ(ready.records.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<LearnedRecord>(ready.records[0].body));
  }
}

// What others had handed to the leader was addressed to the ballot that it gives up.
TEST(RepairTest, RisingProposesNoForwardedCommandTwice) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int damaged = leader % 3 + 1;
  const int other = damaged % 3 + 1;
  cluster.TickAll(5);
  cluster.Crash(damaged);
  cluster.LoseVotes(damaged);
  cluster.Restart(damaged);
  for (int i = 0; i < 20; ++i) {
    cluster.Propose(other, "x" + std::to_string(i));
    cluster.TickAll();
  }
  cluster.TickAll(20);
  const std::vector<std::string> commands = cluster.commands(other);
  EXPECT_EQ(std::set<std::string>(commands.begin(), commands.end()).size(), commands.size());
  EXPECT_EQ(cluster.commands(damaged), commands);
}

TEST(RepairTest, ALaterVoteTakesThePlaceOfALostOne) {
  Acceptor acceptor(At(3), {}, 100);
  acceptor.Forgot({{Slot(1), At(3)}, {Slot(2), At(3)}}, Ballot());
  ASSERT_TRUE(acceptor.OnAccept({At(5), Slot(1), ValueOf("a"), Slot()}, Slot()));
  const auto answer = acceptor.OnPrepare({At(9), Slot()}, Slot(), {}, 100);
  const auto& promise = std::get<Promise>(answer.reply);
  ASSERT_EQ(promise.untold.size(), 1u);
  EXPECT_EQ(promise.untold[0].first, Slot(2));
}

// Lost votes may have helped to choose what only the leader knows by now; were it to vanish,
// silence would erase that.
TEST(RepairTest, LostVotesAreForgivenOnlyWhenTheLeadersSlotsAreKnown) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.promised = recovered.lost_through = At(3);
  recovered.configurations = ConfigurationHistory(kThree);
  ReplicaOptions options;
  options.self = NodeId(1);
  Replica replica(options, std::move(recovered));
  uint64_t round = 5;
  const auto lost_through = [&] {
    replica.Step({options.group, NodeId(3), NodeId(1), Prepare{{++round, NodeId(3)}, Slot()}});
    const Ready ready = replica.TakeReady();
    replica.Persisted(ready.token);
    return std::get<Promise>(ready.messages_after_sync.back().body).lost_through;
  };
  replica.Step({options.group, NodeId(2), NodeId(1),
                Heartbeat{{5, NodeId(2)}, Slot(2), 1, Slot(), /*serves=*/true}});
  EXPECT_EQ(lost_through(), At(3));
  // What is chosen later does not matter: under load it would never be caught up with.
  replica.Step({options.group, NodeId(3), NodeId(1),
                Heartbeat{{round, NodeId(3)}, Slot(9), 1, Slot(), /*serves=*/true, Slot()}});
  replica.Step({options.group, NodeId(2), NodeId(1),
                Learned{{{Slot(1), ValueOf("a")}, {Slot(2), ValueOf("b")}}, Slot(2)}});
  EXPECT_EQ(lost_through(), Ballot());
}

// The leader of the very ballot has not asked again since the votes were lost.
TEST(RepairTest, TheLeaderOfTheirBallotForgivesNoLostVotes) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.promised = recovered.lost_through = At(3);
  recovered.configurations = ConfigurationHistory(kThree);
  ReplicaOptions options;
  options.self = NodeId(2);
  Replica replica(options, std::move(recovered));
  replica.Step({options.group, NodeId(1), NodeId(2),
                Heartbeat{At(3), Slot(), 1, Slot(), /*serves=*/true, Slot()}});
  const auto said = std::get<HeartbeatReply>(replica.TakeReady().messages.back().body);
  EXPECT_EQ(said.lost_through, At(3));
}

// Else the log would still hold the older vote, and teach it after the next restart.
TEST(RepairTest, WhatIsLearnedInADoubtfulSlotIsLogged) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.promised = At(3);
  recovered.accepted = {{Slot(1), At(1), ValueOf("a")}};
  recovered.unknown = {{Slot(1), At(3)}};
  recovered.configurations = ConfigurationHistory(kThree);
  ReplicaOptions options;
  options.self = NodeId(1);
  Replica replica(options, std::move(recovered));
  replica.Step({options.group, NodeId(2), NodeId(1), Learned{{{Slot(1), ValueOf("a")}}, Slot(1)}});
  const Ready ready = replica.TakeReady();
  ASSERT_EQ(ready.records.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<LearnedRecord>(ready.records[0].body));
}

// The state engine is gone, the log is whole but cut: the node votes, says how far the slots it has
// forgotten are chosen, and waits for a snapshot.
TEST(RepairTest, ALogCutBelowItsLostStateStillSaysWhatIsChosen) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.vote_floor = Slot(10);
  recovered.configurations = ConfigurationHistory(kThree);
  ReplicaOptions options;
  options.self = NodeId(1);
  Replica replica(options, std::move(recovered));
  replica.Step({options.group, NodeId(2), NodeId(1), Prepare{{5, NodeId(2)}, Slot(3)}});
  Ready ready = replica.TakeReady();
  ASSERT_EQ(ready.messages_after_sync.size(), 1u);
  EXPECT_EQ(std::get<Promise>(ready.messages_after_sync[0].body).chosen_through, Slot(10));
  replica.Persisted(ready.token);
  for (int tick = 0; tick < 100; ++tick) replica.Tick();
  EXPECT_EQ(replica.status().role, Role::kFollower);
}

}  // namespace
}  // namespace synod::paxos
