// Leaders that meet configurations which they did not know when they were elected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/unit/paxos/cluster.h"

namespace synod::paxos {
namespace {

using ::testing::Contains;

bool Between(const Message& message, NodeId a, NodeId b) {
  return (message.from == a && message.to == b) || (message.from == b && message.to == a);
}

void Settle(Cluster& cluster, const std::function<bool(const Message&)>& lost) {
  cluster.Drive();
  while (!cluster.network().empty()) {
    if (lost(cluster.network().front())) {
      cluster.network().pop_front();
    } else {
      cluster.Deliver(0);
    }
    cluster.Drive();
  }
}

// A leader elected by the old configuration answers no read before a quorum of the new one has
// promised.
TEST(BetweenConfigurationsTest, ALeaderOfTheOldConfigurationAnswersNoStaleRead) {
  Cluster cluster(3, [](ReplicaOptions& options) { options.window = 4; });
  const int first = cluster.ElectLeader();
  if (first != 2) {
    ASSERT_TRUE(cluster.at(first).HandOver(Cluster::Id(2)));
    cluster.Settle();
  }
  ASSERT_EQ(cluster.leader(), 2);
  for (int node : {4, 5}) cluster.Join(node, 2);
  ASSERT_TRUE(cluster.Reconfigure(2, {cluster.Member(1), cluster.Member(2), cluster.Member(3),
                                      cluster.Member(4, false), cluster.Member(5, false)}));
  cluster.TickAll(20);
  ASSERT_EQ(cluster.leader(), 2);
  ASSERT_EQ(cluster.at(4).status().chosen_through, cluster.at(2).status().chosen_through);

  // The change is chosen by 1 and 2; 1 and 3 hear of nothing that comes behind it.
  const Slot change = cluster.at(2).status().chosen_through.next();
  ASSERT_TRUE(cluster.Reconfigure(2, {cluster.Member(2), cluster.Member(4), cluster.Member(5)}));
  Settle(cluster, [&](const Message& message) {
    if (Between(message, Cluster::Id(2), Cluster::Id(3))) return true;
    if (!Between(message, Cluster::Id(2), Cluster::Id(1))) return false;
    const auto* accept = std::get_if<Accept>(&message.body);
    const bool vote = std::holds_alternative<Accepted>(message.body);
    return !vote && (accept == nullptr || accept->slot != change);
  });
  ASSERT_EQ(cluster.at(2).status().chosen_through, change);
  ASSERT_TRUE(cluster.at(4).status().founded);
  cluster.Cut(2, 1);
  cluster.Cut(2, 3);
  ASSERT_TRUE(cluster.Propose(2, "t"));  // in the first slot of the new configuration
  cluster.Settle();
  EXPECT_EQ(cluster.at(2).status().chosen_through, change);

  // 1 and 3 elect a leader among themselves, who finds the change again among the votes.
  for (int old : {1, 3}) {
    for (int other : {4, 5}) cluster.Cut(old, other);
  }
  const auto leads = [&](int node) {
    return cluster.at(node).status().role == Role::kLeader &&
           cluster.at(node).status().chosen_through == change + 3;
  };
  for (int tick = 0; tick < 60 && !leads(1) && !leads(3); ++tick) {
    for (int node : {1, 3}) cluster.Tick(node);
  }
  const int next = leads(1) ? 1 : 3;
  ASSERT_TRUE(leads(next));

  // It meets 4 and 5, whose disks are slow: their promises are on their way for long.
  cluster.HoldSync(4, true);
  cluster.HoldSync(5, true);
  for (int other : {4, 5}) cluster.Cut(next, other, false);
  cluster.Tick(next);
  // 2, which knows that "t" is chosen, learns the slots below it from 4, and answers its client.
  for (int tick = 0; tick < 40 && cluster.commands(2).empty(); ++tick) cluster.Tick(2);
  ASSERT_THAT(cluster.commands(2), Contains("t")) << "acknowledged";
  const Slot acknowledged = cluster.applied(2).rbegin()->first;
  ASSERT_EQ(acknowledged, change + 4);
  ASSERT_TRUE(leads(next));
  ASSERT_EQ(cluster.at(next).Read(77), Admission::kAdmitted);
  cluster.Settle();
  for (const SafeRead& read : cluster.reads(next)) {
    EXPECT_GE(read.slot, acknowledged) << "a stale read";
  }
}

// It learns past two configurations in one step, while it asks for promises.
TEST(BetweenConfigurationsTest, ALeaderSurvivesASnapshotFromFarAhead) {
  Cluster cluster(3, [](ReplicaOptions& options) { options.window = 4; });
  const int leader = cluster.ElectLeader();
  const int mid = leader % 3 + 1;
  const int old = mid % 3 + 1;
  cluster.TickAll(5);
  cluster.Isolate(old);
  std::vector<ConfigMember> members;
  for (int node : {1, 2, 3}) members.push_back(cluster.Member(node));
  // One change after another, as an operator does it: 4, 5; then 6, 7 without `mid`.
  for (int node : {4, 5, 6, 7}) {
    if (node == 6) {
      cluster.Isolate(mid);
    }
    cluster.Join(node, leader);
    cluster.Cut(node, old);
    if (node >= 6) cluster.Cut(node, mid);
    members.push_back(cluster.Member(node, false));
    ASSERT_TRUE(cluster.Reconfigure(leader, members));
    cluster.TickAll(8);
    ASSERT_EQ(cluster.leader(), leader);
    members.back() = cluster.Member(node);
    ASSERT_TRUE(cluster.Reconfigure(leader, members));
    cluster.TickAll(8);
    ASSERT_EQ(cluster.leader(), leader);
    ASSERT_EQ(cluster.configuration(leader).voters().size(), members.size()) << node;
  }
  cluster.CutLog(leader);
  cluster.Cut(old, mid, false);
  for (int tick = 0; tick < 60 && cluster.at(old).status().role != Role::kLeader; ++tick) {
    cluster.Tick(old);
  }
  ASSERT_EQ(cluster.at(old).status().role, Role::kLeader);
  ASSERT_LT(cluster.at(old).status().chosen_through, cluster.at(leader).status().chosen_through);
  cluster.Cut(old, leader, false);
  // The promise is lost, the answer to a heartbeat is not.
  for (int tick = 0; tick < 8; ++tick) {
    cluster.at(old).Tick();
    Settle(cluster, [&](const Message& message) {
      return std::holds_alternative<Promise>(message.body) && message.from == Cluster::Id(leader);
    });
  }
  EXPECT_GE(cluster.at(old).status().chosen_through, cluster.at(leader).status().chosen_through);
}

// A member that was repaired counts in the configuration that comes.
TEST(BetweenConfigurationsTest, ARepairedMemberCountsInTheNextConfiguration) {
  Cluster cluster(3, [](ReplicaOptions& options) { options.window = 4; });
  const int old = cluster.ElectLeader();
  const int damaged = old == 1 ? 2 : 1;  // the first whose promise comes
  cluster.TickAll(5);
  cluster.Crash(damaged);
  cluster.LoseVotes(damaged);
  cluster.Restart(damaged);
  cluster.TickAll(30);
  const int leader = cluster.leader();
  ASSERT_EQ(leader, old);
  const Ballot ballot = cluster.at(leader).status().leader_ballot;
  ASSERT_TRUE(cluster.Reconfigure(leader, {cluster.Member(leader), cluster.Member(damaged)}));
  cluster.TickAll(5);
  ASSERT_TRUE(cluster.Propose(leader, "a"));
  int ticks = 0;
  while (ticks < 200 && cluster.commands(leader).empty()) {
    cluster.TickAll();
    ++ticks;
  }
  EXPECT_LT(ticks, 3);
  EXPECT_EQ(cluster.at(leader).status().leader_ballot, ballot) << "no election";
}

}  // namespace
}  // namespace synod::paxos
