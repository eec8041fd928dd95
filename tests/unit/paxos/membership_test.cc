// Configurations that change by the α-window, and hand-over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/paxos/configuration.h"
#include "services/paxos/proposer.h"
#include "tests/unit/paxos/cluster.h"

namespace synod::paxos {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

Cluster Small(int nodes) {
  return Cluster(nodes, [](ReplicaOptions& options) { options.window = 8; });
}

Value ChangeOf(Slot based_on, const std::vector<NodeId>& voters) {
  return Value::OfCommands(
      {{{NodeId(1), 1},
        ConfigurationChange{based_on, Configuration::OfVoters(voters)}.Encode(),
        CommandKind::kConfiguration}});
}

TEST(ConfigurationTest, ParsesWhatItEncodesAndNothingElse) {
  const Configuration configuration({{NodeId(3), true, 7, "c"}, {NodeId(1), false, 0, ""}});
  const std::string bytes = configuration.Encode();
  const auto parsed = Configuration::Parse(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, configuration);
  EXPECT_THAT(parsed->voters(), ElementsAre(NodeId(3)));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Configuration::Parse(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Configuration::Parse(bytes + "x").ok());
}

TEST(ConfigurationHistoryTest, AChangeGovernsOneWindowAfterItsSlot) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1)}));
  EXPECT_TRUE(history.Choose(Slot(5), ChangeOf(Slot(), {NodeId(1), NodeId(2)}), 8));
  EXPECT_EQ(history.At(Slot(12)).voters().size(), 1u);
  EXPECT_EQ(history.At(Slot(13)).voters().size(), 2u);
  // Until the first slot it governs is next, both may still have to decide.
  Tally one;
  one.Add(NodeId(1));
  EXPECT_FALSE(history.IsQuorumOfAll(one, Slot(5)));
  EXPECT_THAT(history.MembersAbove(Slot(11)), ElementsAre(NodeId(1), NodeId(2)));
  history.Choose(Slot(12), Value(), 8);
  EXPECT_THAT(history.MembersAbove(Slot(12)), ElementsAre(NodeId(1), NodeId(2)));
  // The one before is remembered until the next comes.
  EXPECT_EQ(history.size(), 2u);
}

TEST(ConfigurationHistoryTest, TheOldConfigurationDecidesUntilTheNewOneIsInForce) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
  ASSERT_TRUE(history.Choose(Slot(5), ChangeOf(Slot(), {NodeId(1)}), 8));
  Tally one;
  one.Add(NodeId(1));
  EXPECT_FALSE(history.IsQuorumOfAll(one, Slot(11)));
  EXPECT_TRUE(history.IsQuorumOfAll(one, Slot(12)));
}

TEST(ConfigurationHistoryTest, AChangeThatWasComputedFromAnotherConfigurationIsVoid) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1)}));
  ASSERT_TRUE(history.Choose(Slot(5), ChangeOf(Slot(), {NodeId(1), NodeId(2)}), 8));
  EXPECT_FALSE(history.Choose(Slot(20), ChangeOf(Slot(), {NodeId(1), NodeId(3)}), 8));
  EXPECT_TRUE(history.Choose(Slot(21), ChangeOf(Slot(5), {NodeId(1), NodeId(3)}), 8));
}

TEST(ConfigurationHistoryTest, AChangeWaitsForTheOneBeforeToBeInForce) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1)}));
  ASSERT_TRUE(history.Choose(Slot(5), ChangeOf(Slot(), {NodeId(1), NodeId(2)}), 8));
  EXPECT_FALSE(history.Choose(Slot(12), ChangeOf(Slot(5), {NodeId(1)}), 8));
  EXPECT_TRUE(history.Choose(Slot(13), ChangeOf(Slot(5), {NodeId(1)}), 8));
}

TEST(ConfigurationHistoryTest, ParsesWhatItEncodes) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1)}));
  ASSERT_TRUE(history.Choose(Slot(5), ChangeOf(Slot(), {NodeId(1), NodeId(2)}), 8));
  const auto parsed = ConfigurationHistory::Parse(history.Encode());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Encode(), history.Encode());
  EXPECT_FALSE(ConfigurationHistory::Parse(history.Encode() + "x").ok());
}

TEST(ConfigurationTest, OnlyVotersMakeAQuorum) {
  const Configuration configuration(
      {{NodeId(1), true, 0, ""}, {NodeId(2), true, 0, ""}, {NodeId(3), false, 0, ""}});
  Tally tally;
  tally.Add(NodeId(1));
  tally.Add(NodeId(3));
  EXPECT_FALSE(tally.IsQuorum(configuration));
  tally.Add(NodeId(2));
  EXPECT_TRUE(tally.IsQuorum(configuration));
}

// A leader of the old configuration alone does not know what was chosen in the new one.
TEST(ProposerTest, IsSettledOnlyWithPromisesOfEveryConfiguration) {
  ConfigurationHistory history(Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
  const Ballot ballot{9, NodeId(1)};
  Proposer proposer(&history, ballot, 8, 1000);
  proposer.OnPromise(NodeId(1), {ballot, Slot(4), {}}, Slot(4));
  ASSERT_TRUE(proposer.OnPromise(NodeId(2), {ballot, Slot(4), {}}, Slot(4)));
  proposer.Repropose(Slot(4), 0);  // its barrier
  proposer.ForgetThrough(Slot(5));
  ASSERT_TRUE(proposer.Settled(Slot(5)));
  proposer.Propose(Value(), Slot(5), 0);
  ASSERT_TRUE(history.Choose(Slot(6), ChangeOf(Slot(), {NodeId(3), NodeId(4), NodeId(5)}), 8));
  proposer.ForgetThrough(Slot(6));
  EXPECT_FALSE(proposer.Settled(Slot(6)));
  EXPECT_THAT(proposer.Unpromised(Slot(6)), ElementsAre(NodeId(3), NodeId(4), NodeId(5)));
  proposer.OnPromise(NodeId(3), {ballot, Slot(4), {}}, Slot(6));
  EXPECT_FALSE(proposer.Settled(Slot(6)));
  proposer.OnPromise(NodeId(4), {ballot, Slot(4), {}}, Slot(6));
  EXPECT_TRUE(proposer.Settled(Slot(6)));
}

TEST(MembershipTest, ALearnerCatchesUpByASnapshotAndIsPromoted) {
  Cluster cluster = Small(1);
  ASSERT_EQ(cluster.ElectLeader(), 1);
  cluster.Propose(1, "a");
  cluster.Settle();
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2, /*voter=*/false)}));
  cluster.TickAll(3);
  cluster.Join(2, 1);
  cluster.TickAll(20);
  EXPECT_EQ(cluster.commands(2), cluster.commands(1));
  EXPECT_FALSE(cluster.at(2).status().founded);
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2)}));
  ASSERT_THAT(cluster.Said<Prepare>(), IsEmpty());
  cluster.Settle();
  EXPECT_THAT(cluster.Said<Prepare>(), Not(IsEmpty())) << "without waiting for a tick";
  cluster.TickAll(3);
  EXPECT_TRUE(cluster.at(2).status().founded);
  // Now both are needed.
  cluster.Propose(1, "b");
  cluster.TickAll(3);
  EXPECT_THAT(cluster.commands(2), ElementsAre("a", "b"));
  cluster.Crash(2);
  cluster.Propose(1, "c");
  cluster.TickAll(3);
  EXPECT_THAT(cluster.commands(1), ElementsAre("a", "b"));
}

TEST(MembershipTest, GrowsToThreeAndGoesOnWithoutTheFirst) {
  Cluster cluster = Small(1);
  ASSERT_EQ(cluster.ElectLeader(), 1);
  for (int node : {2, 3}) cluster.Join(node, 1);
  ASSERT_TRUE(cluster.Reconfigure(
      1, {cluster.Member(1), cluster.Member(2, false), cluster.Member(3, false)}));
  cluster.TickAll(20);
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2), cluster.Member(3)}));
  cluster.TickAll(5);
  cluster.Propose(1, "a");
  cluster.TickAll(3);
  cluster.Crash(1);
  const int leader = cluster.ElectLeader();
  ASSERT_NE(leader, 0);
  cluster.Propose(leader, "b");
  cluster.TickAll(3);
  EXPECT_THAT(cluster.commands(5 - leader), ElementsAre("a", "b"));
}

TEST(MembershipTest, ALearnersVoteIsNotCounted) {
  Cluster cluster = Small(2);
  const int leader = cluster.ElectLeader();
  const int other = 3 - leader;
  cluster.Join(3, leader);
  ASSERT_TRUE(cluster.Reconfigure(
      leader, {cluster.Member(1), cluster.Member(2), cluster.Member(3, false)}));
  cluster.TickAll(20);
  cluster.Crash(other);
  cluster.Propose(leader, "a");
  cluster.TickAll(2);
  EXPECT_THAT(cluster.commands(leader), IsEmpty());
}

TEST(MembershipTest, ALearnerForgetsASilentLeader) {
  Cluster cluster = Small(1);
  ASSERT_EQ(cluster.ElectLeader(), 1);
  cluster.Join(2, 1);
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2, false)}));
  cluster.TickAll(20);
  ASSERT_EQ(cluster.at(2).status().leader, Cluster::Id(1));
  cluster.Crash(1);
  cluster.TickAll(20);
  EXPECT_FALSE(cluster.at(2).status().leader);
  EXPECT_EQ(cluster.at(2).Read(1), Admission::kNoLeader);
}

TEST(MembershipTest, ARemovedLeaderHandsOver) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  std::vector<ConfigMember> rest;
  for (int node : {1, 2, 3}) {
    if (node != leader) rest.push_back(cluster.Member(node));
  }
  ASSERT_TRUE(cluster.Reconfigure(leader, rest));
  cluster.TickAll(3);
  EXPECT_NE(cluster.leader(), leader);
  ASSERT_NE(cluster.leader(), 0);
  EXPECT_THAT(cluster.Said<Probe>().size(), 2u);  // the first election's alone
  cluster.TickAll(3);
  EXPECT_TRUE(cluster.at(leader).status().removed);
  cluster.TickAll(100);
  EXPECT_FALSE(cluster.at(leader).status().leader_serves);
  EXPECT_TRUE(cluster.Propose(cluster.leader(), "a"));
  cluster.Settle();
  EXPECT_THAT(cluster.commands(cluster.leader()), ElementsAre("a"));
}

// The next slots are still decided by all three: the other two may have a new leader.
TEST(MembershipTest, AConfigurationNotInForceConfirmsNoReads) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Reconfigure(leader, {cluster.Member(leader)}));
  cluster.Drive();
  while (!cluster.at(leader).status().configuration_slot) {
    ASSERT_FALSE(cluster.network().empty());
    cluster.Deliver(0);
    cluster.Drive();
  }
  cluster.Isolate(leader);
  cluster.network().clear();
  ASSERT_TRUE(cluster.at(leader).status().leader_serves);
  EXPECT_EQ(cluster.at(leader).Read(1), Admission::kAdmitted);
  cluster.Settle();
  EXPECT_THAT(cluster.reads(leader), IsEmpty());
}

TEST(MembershipTest, TheLogIsNotCutBeforeEveryMemberWasHeard) {
  Cluster cluster(3);
  cluster.Crash(3);
  const int leader = cluster.ElectLeader();
  cluster.Propose(leader, "x");
  cluster.TickAll(5);
  EXPECT_EQ(cluster.at(leader).cut_through(), Slot());
  cluster.Restart(3);
  cluster.TickAll(5);
  EXPECT_GT(cluster.at(leader).cut_through(), Slot());
}

// The old configuration still decides the slots before the change is in force.
TEST(MembershipTest, ALeaderNeedsContactToEveryConfigurationThatDecides) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  cluster.TickAll(3);
  ASSERT_TRUE(cluster.Reconfigure(leader, {cluster.Member(leader)}));
  for (cluster.Drive(); cluster.configuration(leader).voters().size() > 1; cluster.Drive()) {
    ASSERT_FALSE(cluster.network().empty());
    cluster.Deliver(0);
  }
  cluster.network().clear();
  cluster.Isolate(leader);
  for (int i = 0; i < 30; ++i) cluster.Tick(leader);
  EXPECT_EQ(cluster.leader(), 0);
}

// Simulator, with members that come and go: the survivor of a removal restarted, did not know any
// more that the old configuration's slots were chosen, and needed the removed voter to find out.
TEST(MembershipTest, ARemovedVoterStaysUntilTheOthersWouldRememberWithoutIt) {
  for (const bool durable : {false, true}) {
    Cluster cluster = Small(2);
    cluster.SetFlushes(false);
    const int leader = cluster.ElectLeader();
    const int other = 3 - leader;
    ASSERT_TRUE(cluster.Reconfigure(leader, {cluster.Member(leader)}));
    cluster.Settle();
    ASSERT_FALSE(cluster.at(other).status().removed);
    cluster.HoldSync(leader, !durable);
    cluster.TickAll(6);
    EXPECT_EQ(cluster.at(other).status().removed, durable);
    if (!durable) continue;
    cluster.Crash(other);
    cluster.Crash(leader);
    cluster.Restart(leader);
    EXPECT_EQ(cluster.ElectLeader(), leader);
  }
}

// Simulator, seed 4216: a new member restarted with a state from before it was added, heard that
// the configuration with itself in it needs no former member, and left for good.
TEST(MembershipTest, AMemberThatIsBehindDoesNotTakeItselfForRemoved) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.configurations =
      ConfigurationHistory(Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
  ReplicaOptions options;
  options.self = NodeId(4);
  Replica replica(options, std::move(recovered));
  EXPECT_FALSE(replica.status().removed) << "it has heard nothing yet";
  Heartbeat heartbeat;
  heartbeat.ballot = {5, NodeId(1)};
  heartbeat.chosen_through = Slot(9);
  heartbeat.sealed = Slot(7);
  replica.Step({options.group, NodeId(1), NodeId(4), heartbeat});
  EXPECT_EQ(replica.status().sealed, Slot(7));
  EXPECT_FALSE(replica.status().removed);
}

TEST(MembershipTest, LeadershipMovesWithoutAnElectionTimeout) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  const int next = leader % 3 + 1;
  ASSERT_TRUE(cluster.at(leader).HandOver(Cluster::Id(next)));
  EXPECT_FALSE(cluster.at(next).HandOver(Cluster::Id(leader)));
  cluster.Settle();
  EXPECT_EQ(cluster.leader(), next);
}

TEST(MembershipTest, AHandOverThatFailsIsForgotten) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  const int next = leader % 3 + 1;
  cluster.Isolate(next);
  ASSERT_TRUE(cluster.at(leader).HandOver(Cluster::Id(next)));
  cluster.Propose(leader, "a");
  cluster.Settle();
  EXPECT_THAT(cluster.commands(leader), IsEmpty());
  cluster.TickAll(12);
  EXPECT_EQ(cluster.leader(), leader);
  EXPECT_THAT(cluster.commands(leader), ElementsAre("a"));
}

// The last one leads, and has a change before it that removes it.
Cluster WithALeaderToBeRemoved() {
  Cluster cluster(4);
  const int first = cluster.ElectLeader();
  cluster.TickAll(5);
  EXPECT_TRUE(first == 4 || cluster.at(first).HandOver(Cluster::Id(4)));
  cluster.Settle();
  cluster.TickAll(3);
  EXPECT_EQ(cluster.leader(), 4);
  EXPECT_TRUE(cluster.Reconfigure(4, {cluster.Member(1), cluster.Member(2), cluster.Member(3)}));
  return cluster;
}

// The removed leader asks somebody else when the first one does not take over, and lets writes
// through in between.
TEST(MembershipTest, ALeaderThatWasRemovedIsNotHeldUpByADeadSuccessor) {
  Cluster cluster = WithALeaderToBeRemoved();
  // Whoever is asked first dies before it hears of it.
  int dead = 0;
  for (int tick = 0; tick < 50 && dead == 0; ++tick) {
    for (cluster.Drive(); !cluster.network().empty() && dead == 0; cluster.Drive()) {
      const Message& next = cluster.network().front();
      if (std::holds_alternative<TakeOver>(next.body)) dead = static_cast<int>(next.to.value());
      if (dead == 0) cluster.Deliver(0);
    }
    for (int node = 1; node <= 4 && dead == 0; ++node) cluster.at(node).Tick();
  }
  ASSERT_NE(dead, 0);
  cluster.network().clear();
  cluster.Crash(dead);
  const int survivor = dead == 2 ? 3 : 2;
  cluster.Propose(survivor, "a");
  cluster.TickAll(100);
  EXPECT_THAT(cluster.commands(survivor), Contains("a"));
  EXPECT_NE(cluster.leader(), 4);
  EXPECT_NE(cluster.leader(), 0);
}

// Two that are up, and will not lead, are not asked for ever.
TEST(MembershipTest, ALeaderThatWasRemovedAsksEverybodyInTurn) {
  Cluster cluster = WithALeaderToBeRemoved();
  for (int tick = 0; tick < 200 && cluster.leader() == 4; ++tick) {
    for (cluster.Drive(); !cluster.network().empty(); cluster.Drive()) {
      const Message& next = cluster.network().front();
      if (std::holds_alternative<TakeOver>(next.body) && next.to != Cluster::Id(3)) {
        cluster.network().pop_front();
      } else {
        cluster.Deliver(0);
      }
    }
    for (int node = 1; node <= 4; ++node) cluster.at(node).Tick();
  }
  EXPECT_EQ(cluster.leader(), 3);
}

}  // namespace
}  // namespace synod::paxos
