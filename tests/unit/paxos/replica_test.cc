#include "services/paxos/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/paxos/cluster.h"

namespace synod::paxos {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ReplicaTest, SingleNodeElectsItselfAndChooses) {
  Cluster cluster(1);
  ASSERT_EQ(cluster.ElectLeader(), 1);
  EXPECT_TRUE(cluster.Propose(1, "a"));
  cluster.Settle();
  EXPECT_THAT(cluster.commands(1), ElementsAre("a"));
}

TEST(ReplicaTest, WithoutALeaderNothingIsAdmitted) {
  Cluster cluster(3);
  EXPECT_FALSE(cluster.Propose(1, "a"));
  EXPECT_EQ(cluster.at(1).Read(1), Admission::kNoLeader);
}

TEST(ReplicaTest, AnyReplicaTakesCommands) {
  Cluster cluster(3);
  ASSERT_NE(cluster.ElectLeader(), 0);
  for (int node = 1; node <= 3; ++node) {
    EXPECT_TRUE(cluster.Propose(node, std::to_string(node)));
    cluster.Settle();
  }
  for (int node = 1; node <= 3; ++node) {
    EXPECT_THAT(cluster.commands(node), ElementsAre("1", "2", "3")) << "node " << node;
  }
}

TEST(ReplicaTest, FollowersApplyWithoutWaitingForATick) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.Propose(leader, "a");
  cluster.Settle();
  for (int node = 1; node <= 3; ++node) EXPECT_THAT(cluster.commands(node), ElementsAre("a"));
}

TEST(ReplicaTest, CommandsGatherInOneSlotWhileTheLogSyncs) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.HoldSync(leader, true);
  cluster.Propose(leader, "first");
  cluster.Settle();
  for (const char* payload : {"a", "b", "c"}) cluster.Propose(leader, payload);
  cluster.Settle();
  EXPECT_THAT(cluster.commands(leader), IsEmpty());
  cluster.HoldSync(leader, false);
  cluster.Settle();
  EXPECT_THAT(cluster.applied(leader).rbegin()->second, ElementsAre("a", "b", "c"));
}

TEST(ReplicaTest, ADuplicatedForwardIsProposedOnce) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int follower = leader % 3 + 1;
  cluster.Propose(follower, "a");
  cluster.Drive();
  ASSERT_THAT(cluster.network(), SizeIs(1));
  cluster.network().push_back(cluster.network().front());
  cluster.Settle();
  EXPECT_THAT(cluster.commands(leader), ElementsAre("a"));
}

TEST(ReplicaTest, AFollowerThatMissedSlotsLearnsThem) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int follower = leader % 3 + 1;
  cluster.Isolate(follower);
  for (int i = 0; i < 20; ++i) {
    cluster.Propose(leader, std::to_string(i));
    cluster.Settle();
  }
  EXPECT_THAT(cluster.commands(follower), IsEmpty());
  cluster.Isolate(follower, false);
  cluster.TickAll(5);
  EXPECT_EQ(cluster.commands(follower), cluster.commands(leader));
}

TEST(ReplicaTest, ACandidateFarBehindLeadsOnceItHasCaughtUp) {
  Cluster cluster(3, [](ReplicaOptions& options) { options.window = 4; });
  const int leader = cluster.ElectLeader();
  const int behind = leader % 3 + 1;
  const int witness = behind % 3 + 1;
  cluster.Isolate(behind);
  for (int i = 0; i < 40; ++i) {
    cluster.Propose(leader, std::to_string(i));
    cluster.Settle();
  }
  const std::vector<std::string> before = cluster.commands(witness);
  cluster.Crash(leader);
  cluster.Crash(witness);  // so that it has no leader in mind; it does not tick and so not try
  cluster.Restart(witness);
  cluster.Isolate(behind, false);
  for (int i = 0; i < 40; ++i) cluster.Tick(behind);
  ASSERT_EQ(cluster.leader(), behind);
  EXPECT_EQ(cluster.commands(behind), before);
  cluster.Propose(behind, "new");
  cluster.TickAll(5);
  EXPECT_EQ(cluster.commands(behind).back(), "new");
  EXPECT_EQ(cluster.commands(behind), cluster.commands(witness));
}

TEST(ReplicaTest, ALeaderWithoutAQuorumStepsDownAndTheOthersGoOn) {
  Cluster cluster(3);
  const int old_leader = cluster.ElectLeader();
  cluster.Isolate(old_leader);
  cluster.TickAll(40);
  EXPECT_EQ(cluster.at(old_leader).status().leader, NodeId());
  const int new_leader = cluster.ElectLeader();
  ASSERT_NE(new_leader, old_leader);
  EXPECT_TRUE(cluster.Propose(new_leader, "a"));
  cluster.Settle();
  EXPECT_THAT(cluster.commands(new_leader), ElementsAre("a"));
  EXPECT_THAT(cluster.commands(old_leader), IsEmpty());
  cluster.Isolate(old_leader, false);
  cluster.TickAll(5);
  EXPECT_THAT(cluster.commands(old_leader), ElementsAre("a"));
}

TEST(ReplicaTest, ALeaderWhoseLogStallsStepsDown) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.HoldSync(leader, true);
  cluster.Propose(leader, "a");
  cluster.TickAll(60);
  const int next = cluster.leader();
  ASSERT_NE(next, 0);
  EXPECT_NE(next, leader);
  EXPECT_THAT(cluster.commands(next), ElementsAre("a"));
}

// Simulator seed 2432: a promise says that slots are chosen, and who knew them vanishes. A quorum
// answers all the while, and nothing was ever served again.
TEST(ReplicaTest, ALeaderThatNobodyCanTeachStepsDown) {
  ReplicaOptions options;
  options.self = Cluster::Id(1);
  RecoveredState recovered;
  recovered.founded = true;
  recovered.configurations = ConfigurationHistory(
      Configuration::OfVoters({Cluster::Id(1), Cluster::Id(2), Cluster::Id(3)}));
  Replica replica(options, std::move(recovered));
  const auto step = [&](int from, MessageBody body) {
    replica.Step({options.group, Cluster::Id(from), options.self, std::move(body)});
  };
  const auto drive = [&] {
    while (replica.HasReady()) {
      const Ready ready = replica.TakeReady();
      if (ready.token != 0) replica.Persisted(ready.token);
    }
  };
  while (replica.status().role != Role::kProbing) replica.Tick();
  step(2, ProbeReply{{1, options.self}, true, Ballot(), Slot()});
  drive();
  const Ballot ballot = replica.status().promised;
  step(2, Promise{ballot, /*chosen_through=*/Slot(5), {}});
  drive();
  ASSERT_EQ(replica.status().role, Role::kLeader);
  for (int tick = 0; tick < 2 * options.election_ticks; ++tick) {
    if (replica.status().role != Role::kLeader) break;
    replica.Tick();
    drive();
    step(3, HeartbeatReply{ballot, 1, Slot(), Slot()});
  }
  EXPECT_NE(replica.status().role, Role::kLeader);
}

TEST(ReplicaTest, ANodeThatComesBackDisturbsNobody) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const Ballot before = cluster.at(leader).status().leader_ballot;
  const int other = leader % 3 + 1;
  cluster.Isolate(other);
  cluster.TickAll(100);
  cluster.Isolate(other, false);
  cluster.TickAll(30);
  EXPECT_EQ(cluster.at(leader).status().leader_ballot, before);
  EXPECT_EQ(cluster.at(other).status().leader_ballot, before);
}

TEST(ReplicaTest, ANodeCutOffFromTheLeaderAloneDisturbsNobody) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const Ballot before = cluster.at(leader).status().leader_ballot;
  cluster.Cut(leader, leader % 3 + 1);
  cluster.TickAll(100);
  EXPECT_THAT(cluster.Said<Probe>(), testing::Not(IsEmpty()));
  EXPECT_EQ(cluster.at(leader).status().leader_ballot, before);
  EXPECT_TRUE(cluster.at(leader).status().leader_serves);
}

TEST(ReplicaTest, ReadsAreConfirmedAtEveryReplica) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.Propose(leader, "a");
  cluster.Settle();
  const Slot chosen = cluster.at(leader).status().chosen_through;
  for (int node = 1; node <= 3; ++node) {
    EXPECT_EQ(cluster.at(node).Read(7), Admission::kAdmitted);
    cluster.Settle();
    ASSERT_THAT(cluster.reads(node), SizeIs(1)) << "node " << node;
    EXPECT_EQ(cluster.reads(node)[0].read_id, 7u);
    EXPECT_GE(cluster.reads(node)[0].slot, chosen);
  }
}

TEST(ReplicaTest, ACutOffLeaderConfirmsNoRead) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.Isolate(leader);
  EXPECT_EQ(cluster.at(leader).Read(1), Admission::kAdmitted);
  cluster.TickAll(50);
  EXPECT_THAT(cluster.reads(leader), IsEmpty());
}

TEST(ReplicaTest, AnAnswerToAnEarlierHeartbeatDoesNotConfirmARead) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  // Heartbeats of the leader's tick are answered, but the answers are held back.
  cluster.at(leader).Tick();
  cluster.Drive();
  while (std::any_of(cluster.network().begin(), cluster.network().end(), [](const Message& m) {
    return !std::holds_alternative<HeartbeatReply>(m.body);
  })) {
    cluster.Deliver(0);
    cluster.Drive();
  }
  const std::deque<Message> old_answers = cluster.network();
  cluster.network().clear();
  ASSERT_THAT(old_answers, SizeIs(2));
  cluster.at(leader).Read(1);
  cluster.Drive();
  cluster.network() = old_answers;
  cluster.Settle();
  EXPECT_THAT(cluster.reads(leader), IsEmpty());
}

TEST(ReplicaTest, WholeClusterRestartKeepsEverythingAccepted) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  for (int i = 0; i < 10; ++i) cluster.Propose(leader, std::to_string(i));
  cluster.Settle();
  const std::vector<std::string> before = cluster.commands(leader);
  for (int node = 1; node <= 3; ++node) cluster.Crash(node);
  for (int node = 1; node <= 3; ++node) cluster.Restart(node);
  ASSERT_NE(cluster.ElectLeader(), 0);
  cluster.TickAll(5);
  for (int node = 1; node <= 3; ++node) EXPECT_EQ(cluster.commands(node), before);
}

TEST(ReplicaTest, LogMayBeCutOnlyThroughWhatEverybodyHoldsDurably) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int follower = leader % 3 + 1;
  cluster.TickAll(3);
  cluster.Isolate(follower);
  const Slot held = cluster.applied(follower).rbegin()->first;
  for (int i = 0; i < 5; ++i) cluster.Propose(leader, "x");
  cluster.TickAll(3);
  EXPECT_LE(cluster.at(leader).cut_through(), held);
  cluster.Isolate(follower, false);
  cluster.TickAll(10);
  EXPECT_GT(cluster.at(leader).cut_through(), held);
}

TEST(ReplicaTest, BoundsAreRefusals) {
  Cluster cluster(3, [](ReplicaOptions& options) {
    options.max_pending_bytes = 1000;
    options.max_pending_reads = 2;
  });
  const int leader = cluster.ElectLeader();
  EXPECT_EQ(cluster.at(leader).Propose({{Cluster::Id(leader), 1}, std::string(2000, 'x')}),
            Admission::kOverloaded);
  EXPECT_EQ(cluster.at(leader).Read(1), Admission::kAdmitted);
  EXPECT_EQ(cluster.at(leader).Read(2), Admission::kAdmitted);
  EXPECT_EQ(cluster.at(leader).Read(3), Admission::kOverloaded);
}

TEST(ReplicaTest, WhoSpeaksInAnothersNameIsNotHeard) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const ReplicaStatus before = cluster.at(leader).status();
  const auto from_other = [&](MessageBody body) {
    cluster.at(leader).Step(
        {GroupId(1), Cluster::Id(leader % 3 + 1), Cluster::Id(leader), std::move(body)});
  };
  const Ballot own{1000, Cluster::Id(leader)};
  from_other(Prepare{own, Slot()});
  from_other(Accept{own, Slot(9), Value(), Slot(8)});
  from_other(Heartbeat{own, Slot(9), 0, Slot(), false});
  cluster.Settle();
  EXPECT_EQ(cluster.at(leader).status().promised, before.promised);
  EXPECT_EQ(cluster.at(leader).status().leader_ballot, before.leader_ballot);
}

TEST(ReplicaTest, MessagesOfOtherGroupsAreDropped) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const ReplicaStatus before = cluster.at(leader).status();
  const Ballot high{1000, NodeId(9)};
  cluster.at(leader).Step(
      {GroupId(2), Cluster::Id(leader % 3 + 1), Cluster::Id(leader), Prepare{high, Slot()}});
  EXPECT_EQ(cluster.at(leader).status().promised, before.promised);
}

// Random delivery, loss, duplication, crashes and held syncs; agreement checked at every step.
// The simulator does this at length; this is the quick form that runs beside the code.
void RandomRun(uint64_t seed) {
  Random random(seed);
  const int nodes = static_cast<int>(random.Between(1, 5));
  Cluster cluster(nodes, [](ReplicaOptions& options) { options.window = 8; });
  std::map<Slot, std::vector<std::string>> chosen;
  std::set<int> down;
  const auto pick = [&] {
    return static_cast<int>(random.Between(1, static_cast<uint64_t>(nodes)));
  };
  const auto check = [&] {
    for (int node = 1; node <= nodes; ++node) {
      for (const auto& [slot, payloads] : cluster.applied(node)) {
        const auto [at, first] = chosen.try_emplace(slot, payloads);
        ASSERT_EQ(at->second, payloads) << "seed " << seed << " slot " << slot;
      }
    }
  };
  for (int step = 0; step < 3000; ++step) {
    const int node = pick();
    const uint64_t what = random.Below(100);
    if (what < 15 && !down.contains(node)) {
      cluster.at(node).Tick();
    } else if (what < 25 && !down.contains(node)) {
      cluster.Propose(node, std::to_string(step));
    } else if (what < 27) {
      cluster.HoldSync(node, random.Chance(0.5));
    } else if (what < 28) {
      if (down.erase(node) != 0) {
        cluster.Restart(node);
      } else {
        cluster.Crash(node);
        down.insert(node);
      }
    } else if (!cluster.network().empty()) {
      const size_t index = random.Below(cluster.network().size());
      if (what < 35) cluster.network().push_back(cluster.network()[index]);
      if (what < 40) {
        cluster.network().erase(cluster.network().begin() + static_cast<std::ptrdiff_t>(index));
      } else {
        cluster.Deliver(index);
      }
    }
    cluster.Drive();
    if (step % 50 == 0) check();
  }
  for (int node = 1; node <= nodes; ++node) {
    cluster.HoldSync(node, false);
    if (down.contains(node)) cluster.Restart(node);
  }
  cluster.TickAll(200);
  const int leader = cluster.ElectLeader();
  ASSERT_NE(leader, 0) << "seed " << seed;
  cluster.Propose(leader, "last");
  cluster.TickAll(20);
  check();
  for (int node = 1; node <= nodes; ++node) {
    ASSERT_EQ(cluster.commands(node), cluster.commands(leader)) << "seed " << seed;
    std::set<std::string> unique;
    for (const std::string& payload : cluster.commands(node)) {
      ASSERT_TRUE(unique.insert(payload).second) << payload << " twice, seed " << seed;
    }
  }
}

TEST(ReplicaTest, AgreesWhateverTheNetworkDoes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    RandomRun(seed);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace synod::paxos
