// Where a log and a state come from: snapshots, the birth of a cluster, disks that were wiped.
#include "services/paxos/founding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "services/paxos/configuration.h"
#include "tests/unit/paxos/cluster.h"

namespace synod::paxos {
namespace {

using ::testing::ElementsAre;

Cluster Small(int nodes) {
  return Cluster(nodes, [](ReplicaOptions& options) { options.window = 8; });
}

TEST(SnapshotTest, AFollowerBehindTheCutInstallsOne) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  const int behind = leader % 3 + 1;
  cluster.Isolate(behind);
  for (int i = 0; i < 20; ++i) {
    cluster.Propose(leader, std::to_string(i));
    cluster.Settle();
  }
  for (int node : {1, 2, 3}) {
    if (node != behind) cluster.CutLog(node);
  }
  cluster.HoldFetches(true);
  cluster.Isolate(behind, false);
  cluster.TickAll(10);
  ASSERT_TRUE(cluster.fetching(behind));
  cluster.FinishFetch(behind, /*success=*/false);
  cluster.TickAll(10);
  ASSERT_TRUE(cluster.fetching(behind));
  cluster.Propose(leader, "meanwhile");
  cluster.Settle();
  cluster.FinishFetch(behind, /*success=*/true);
  cluster.TickAll(10);
  EXPECT_EQ(cluster.commands(behind), cluster.commands(leader));
  cluster.Crash(behind);
  cluster.Restart(behind);
  cluster.TickAll(10);
  EXPECT_EQ(cluster.commands(behind), cluster.commands(leader));
}

TEST(SnapshotTest, BringsTheConfigurations) {
  Cluster cluster = Small(3);
  const int leader = cluster.ElectLeader();
  const int behind = leader % 3 + 1;
  cluster.Isolate(behind);
  ASSERT_TRUE(cluster.Reconfigure(
      leader, {cluster.Member(1), cluster.Member(2), cluster.Member(3), cluster.Member(4, false)}));
  cluster.TickAll(3);
  for (int node : {1, 2, 3}) {
    if (node != behind) cluster.CutLog(node);
  }
  cluster.Isolate(behind, false);
  cluster.TickAll(10);
  EXPECT_EQ(cluster.configuration(behind), cluster.configuration(leader));
  EXPECT_TRUE(cluster.configuration(behind).Contains(Cluster::Id(4)));
}

// While a snapshot came the node learned the same slots, and more; its log was too slow to hand
// them out before.
TEST(SnapshotTest, WhatItCoversIsNotHandedOutAfterIt) {
  RecoveredState recovered;
  recovered.founded = true;
  recovered.configurations =
      ConfigurationHistory(Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
  ReplicaOptions options;
  options.self = NodeId(1);
  const ConfigurationHistory configurations = recovered.configurations;
  Replica replica(options, std::move(recovered));
  const auto learn = [&](uint64_t slot) {
    const Value value = Value::OfCommands({{{NodeId(2), slot}, "v"}});
    replica.Step({options.group, NodeId(2), NodeId(1), Learned{{{Slot(slot), value}}, Slot(slot)}});
  };
  for (uint64_t slot = 1; slot <= 4; ++slot) learn(slot);
  const Ready ready = replica.TakeReady();
  ASSERT_TRUE(ready.chosen.empty());
  replica.Installed(Slot(3), configurations);
  replica.Persisted(ready.token);
  const std::vector<ChosenValue> chosen = replica.TakeReady().chosen;
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(chosen[0].slot, Slot(4));
}

// 2 and 3 have met, but 3 does not hear from 2 that it knows it.
Cluster OneMissesTheBirth() {
  Cluster cluster = Cluster::Unborn(3);
  for (int node : {1, 2, 3}) cluster.at(node).Tick();
  cluster.Drive();
  cluster.CutOneWay(2, 3);
  cluster.Settle();
  EXPECT_TRUE(cluster.at(1).status().founded);
  EXPECT_TRUE(cluster.at(2).status().founded);
  EXPECT_FALSE(cluster.at(3).status().founded);
  return cluster;
}

TEST(FoundingTest, ALogThatIsKnownByAnotherInstanceIsAnImpostor) {
  const ConfigurationHistory first(Configuration::OfVoters({NodeId(1), NodeId(2)}));
  Founding founding(NodeId(1), /*instance=*/7, /*founded=*/false, {});
  founding.OnGreeting(NodeId(2), {20, /*founded=*/true, /*your_instance=*/6, false});
  EXPECT_TRUE(founding.impostor());
  EXPECT_FALSE(founding.TryFound(first));
  Founding known(NodeId(1), /*instance=*/7, /*founded=*/false, {});
  known.OnGreeting(NodeId(2), {20, /*founded=*/true, /*your_instance=*/7, false});
  EXPECT_FALSE(known.impostor());
  EXPECT_TRUE(known.TryFound(first));
}

TEST(FoundingTest, ALogThatMayNotVoteConfirmsNoRead) {
  RecoveredState recovered;
  recovered.configurations =
      ConfigurationHistory(Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
  recovered.instance = 7;
  ReplicaOptions options;
  options.self = NodeId(1);
  Replica replica(options, std::move(recovered));
  replica.Step({options.group, NodeId(2), NodeId(1),
                Heartbeat{{5, NodeId(2)}, Slot(), /*read_round=*/3, Slot(), false}});
  const Ready ready = replica.TakeReady();
  ASSERT_EQ(ready.messages.size(), 1u);
  const auto& reply = std::get<HeartbeatReply>(ready.messages[0].body);
  EXPECT_EQ(reply.read_round, 0u);
  EXPECT_EQ(reply.instance, 7u);
}

TEST(FoundingTest, AClusterIsBornWhenAllItsVotersHaveMet) {
  Cluster cluster = Cluster::Unborn(3);
  cluster.Crash(3);
  cluster.TickAll(100);
  EXPECT_EQ(cluster.leader(), 0);
  EXPECT_FALSE(cluster.at(1).status().founded);
  cluster.Restart(3);
  EXPECT_NE(cluster.ElectLeader(), 0);
  for (int node : {1, 2, 3}) EXPECT_TRUE(cluster.at(node).status().founded);
  cluster.Crash(1);
  cluster.Restart(1);
  EXPECT_TRUE(cluster.at(1).status().founded);
}

// One that has not met everybody must not depend on somebody who has left since.
TEST(FoundingTest, AVoterThatMissedTheBirthLearnsOfItFromTheLog) {
  Cluster cluster = OneMissesTheBirth();
  for (int tick = 0; tick < 40; ++tick) cluster.Tick(1);
  ASSERT_EQ(cluster.leader(), 1);
  EXPECT_TRUE(cluster.at(3).status().founded);
  EXPECT_EQ(cluster.configuration(3).Find(Cluster::Id(3))->instance, 1003u);
  cluster.Crash(2);
  const int next = cluster.ElectLeader();
  ASSERT_NE(next, 0);
  cluster.Propose(next, "a");
  cluster.TickAll(5);
  EXPECT_THAT(cluster.commands(3), ElementsAre("a"));
}

// What a log has met it remembers, whether it may vote or not: the first one of each voter.
TEST(FoundingTest, NobodyVouchesForASecondLogOfOneVoter) {
  Cluster cluster = Cluster::Unborn(3);
  cluster.Crash(3);
  cluster.TickAll(10);
  for (const int restarted : {2, 0}) {
    cluster.Crash(1);
    cluster.Wipe(1);
    if (restarted != 0) {
      cluster.Crash(restarted);
      cluster.Restart(restarted);
    }
    cluster.Restart(1);
    cluster.TickAll(10);
    EXPECT_TRUE(cluster.at(1).status().impostor);
  }
  cluster.Restart(3);
  cluster.TickAll(50);
  EXPECT_FALSE(cluster.at(1).status().founded);
}

// 1 has not heard of 5 when the others are founded; 4 has prepared a ballot that 2 alone promised
// when the disk of 2 is replaced. Had 1 taken the new log for that of 2, it would have named it.
TEST(FoundingTest, ALogThatReplacesOneThatPromisedIsNeverNamed) {
  Cluster cluster = Cluster::Unborn(5);
  cluster.CutOneWay(5, 1);
  cluster.TickAll(2);
  cluster.Cut(4, 1);
  cluster.Cut(4, 3);
  cluster.Cut(4, 5);
  for (int tick = 0; tick < 40; ++tick) cluster.Tick(4);
  cluster.Crash(2);
  cluster.Wipe(2);
  for (const int node : {3, 4, 5}) cluster.Cut(2, node);
  cluster.Restart(2);
  cluster.Tick(2);
  cluster.CutOneWay(5, 1, false);
  for (int tick = 0; tick < 60; ++tick) cluster.Tick(1);
  EXPECT_FALSE(cluster.at(2).status().founded);
  EXPECT_TRUE(cluster.at(2).status().impostor);
}

// Else the logs could not be named any more, and who missed the birth would never vote.
TEST(FoundingTest, NoChangeOvertakesTheNamingOfTheLogs) {
  Cluster cluster = OneMissesTheBirth();
  for (int tick = 0; tick < 40 && cluster.leader() != 1; ++tick) cluster.Tick(1);
  ASSERT_EQ(cluster.leader(), 1);
  std::vector<ConfigMember> members = cluster.configuration(1).members();
  members.push_back({Cluster::Id(4), false, 0, ""});
  cluster.Reconfigure(1, members);
  cluster.Propose(1, "a");
  cluster.TickAll(10);
  EXPECT_TRUE(cluster.at(3).status().founded);
  EXPECT_THAT(cluster.commands(3), ElementsAre("a"));
}

TEST(FoundingTest, NoChangeIsProposedWhileTheNamingMayStillBeLost) {
  Cluster cluster = OneMissesTheBirth();
  for (int tick = 0; tick < 40 && cluster.leader() != 1; ++tick) {
    cluster.at(1).Tick();
    for (cluster.Drive(); !cluster.network().empty() && cluster.leader() != 1; cluster.Drive()) {
      cluster.Deliver(0);
    }
  }
  ASSERT_EQ(cluster.leader(), 1);
  cluster.network().clear();  // and the naming with it
  std::vector<ConfigMember> members = cluster.configuration(1).members();
  members.push_back({Cluster::Id(4), false, 0, ""});
  cluster.Reconfigure(1, members);
  cluster.Drive();
  std::set<Slot> slots;
  for (const auto& [message, accept] : cluster.Said<Accept>()) {
    if (accept.value.kind() == Value::Kind::kConfiguration) slots.insert(accept.slot);
  }
  EXPECT_EQ(slots.size(), 1u);
}

TEST(FoundingTest, WhomALogHasMetIsDurableBeforeItSaysSo) {
  Cluster cluster = Cluster::Unborn(3);
  cluster.HoldSync(2, true);
  cluster.Tick(1);
  const auto knows = [&](int from) {
    const auto greetings = cluster.Said<Greeting>();
    return std::any_of(greetings.begin(), greetings.end(), [from](const auto& said) {
      return said.first.from == Cluster::Id(from) && said.second.your_instance != 0;
    });
  };
  EXPECT_TRUE(knows(3));
  EXPECT_FALSE(knows(2));
  cluster.HoldSync(2, false);
  cluster.Settle();
  EXPECT_TRUE(knows(2));
}

TEST(FoundingTest, AWipedLogNeverVotes) {
  Cluster cluster = Cluster::Unborn(3);
  const int leader = cluster.ElectLeader();
  const int wiped = leader % 3 + 1;
  const int third = wiped % 3 + 1;
  cluster.TickAll(5);
  cluster.Isolate(third);
  cluster.Propose(leader, "a");
  cluster.Settle();
  ASSERT_THAT(cluster.commands(wiped), ElementsAre("a"));
  // Leader and the wiped node alone knew it.
  cluster.Crash(leader);
  cluster.Crash(wiped);
  cluster.Wipe(wiped);
  cluster.Restart(wiped);
  cluster.Isolate(third, false);
  cluster.TickAll(200);
  EXPECT_TRUE(cluster.at(wiped).status().impostor);
  EXPECT_EQ(cluster.leader(), 0);
  cluster.Restart(leader);
  ASSERT_NE(cluster.ElectLeader(), 0);
  cluster.TickAll(5);
  EXPECT_THAT(cluster.commands(third), ElementsAre("a"));
  EXPECT_FALSE(cluster.at(wiped).status().founded);
}

TEST(FoundingTest, AWipedLearnerIsNotTakenForThePromotedOne) {
  Cluster cluster = Small(1);
  ASSERT_EQ(cluster.ElectLeader(), 1);
  cluster.Join(2, 1);
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2, false)}));
  cluster.TickAll(20);
  ASSERT_TRUE(cluster.Reconfigure(1, {cluster.Member(1), cluster.Member(2)}));
  cluster.TickAll(20);
  ASSERT_TRUE(cluster.at(2).status().founded);
  cluster.Crash(2);
  cluster.Wipe(2);
  cluster.Restart(2);
  cluster.TickAll(20);
  EXPECT_TRUE(cluster.at(2).status().impostor);
}

}  // namespace
}  // namespace synod::paxos
