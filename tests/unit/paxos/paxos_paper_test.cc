// One test per claim of the papers the core is built on.
//   PMS   Lamport, Paxos Made Simple (2001)
//   Ongaro Ongaro, Consensus: Bridging Theory and Practice (2014), for reads without a write
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "services/paxos/acceptor.h"
#include "services/paxos/learner.h"
#include "services/paxos/proposer.h"
#include "tests/unit/paxos/cluster.h"
#include "tests/unit/paxos/words.h"

namespace synod::paxos {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kHorizon = 100;
constexpr size_t kWindowBytes = 1 << 20;
constexpr size_t kRoom = 1 << 20;

Accept AcceptOf(Ballot ballot, uint64_t slot, const std::string& payload) {
  return {ballot, Slot(slot), ValueOf(payload), Slot()};
}

Promise PromiseOf(Ballot ballot, uint64_t chosen_through,
                  std::vector<AcceptedValue> accepted = {}) {
  return {ballot, Slot(chosen_through), std::move(accepted)};
}

Acceptor NewAcceptor() {
  return Acceptor(Ballot(), {}, kHorizon);
}

// PMS 2.2, P1: "An acceptor must accept the first proposal that it receives."
TEST(PaxosPaperTest, P1AnAcceptorAcceptsTheFirstProposal) {
  Acceptor acceptor = NewAcceptor();
  const auto answer = acceptor.OnAccept(AcceptOf(At(1), 1, "a"), Slot());
  ASSERT_TRUE(answer);
  EXPECT_TRUE(std::holds_alternative<Accepted>(answer->reply));
}

// PMS 2.2, P1a: a proposal is accepted iff no prepare with a higher number was answered.
TEST(PaxosPaperTest, P1aNothingBelowAPromiseIsAccepted) {
  Acceptor acceptor = NewAcceptor();
  acceptor.OnPrepare({At(5), Slot()}, Slot(), {}, kRoom);
  const auto below = acceptor.OnAccept(AcceptOf(At(4), 1, "a"), Slot());
  ASSERT_TRUE(below);
  EXPECT_EQ(std::get<Reject>(below->reply).promised, At(5));
  EXPECT_FALSE(below->record);
  const auto equal = acceptor.OnAccept(AcceptOf(At(5), 1, "a"), Slot());
  ASSERT_TRUE(equal);
  EXPECT_TRUE(std::holds_alternative<Accepted>(equal->reply));
}

// PMS 2.2, phase 1b: "a promise not to accept any more proposals numbered less than n and with the
// highest-numbered proposal (if any) that it has accepted."
TEST(PaxosPaperTest, Phase1bAPromiseReportsTheHighestAcceptedProposalOfEverySlot) {
  Acceptor acceptor = NewAcceptor();
  acceptor.OnAccept(AcceptOf(At(1), 1, "old"), Slot());
  acceptor.OnAccept(AcceptOf(At(2), 1, "new"), Slot());
  acceptor.OnAccept(AcceptOf(At(2), 4, "later"), Slot());
  const auto answer = acceptor.OnPrepare({At(3), Slot()}, Slot(), {}, kRoom);
  const auto& promise = std::get<Promise>(answer.reply);
  ASSERT_THAT(promise.accepted, SizeIs(2));
  EXPECT_EQ(promise.accepted[0].ballot, At(2));
  EXPECT_EQ(promise.accepted[0].value, ValueOf("new"));
  EXPECT_EQ(promise.accepted[1].slot, Slot(4));
}

// PMS 2.2, phase 1b: a prepare below the promise is not answered with a promise.
TEST(PaxosPaperTest, Phase1bALowerPrepareIsRefused) {
  Acceptor acceptor = NewAcceptor();
  acceptor.OnPrepare({At(5), Slot()}, Slot(), {}, kRoom);
  const auto answer = acceptor.OnPrepare({At(5, 0), Slot()}, Slot(), {}, kRoom);
  EXPECT_EQ(std::get<Reject>(answer.reply).promised, At(5));
  EXPECT_EQ(acceptor.promised(), At(5));
}

// PMS 2.2, P2c: the value of the highest-numbered proposal among the answers of a majority.
TEST(PaxosPaperTest, P2cTheProposerTakesTheHighestNumberedValueReported) {
  const ConfigurationHistory configurations(kThree);
  Proposer proposer(&configurations, At(9), 10, kWindowBytes);
  EXPECT_FALSE(
      proposer.OnPromise(NodeId(1), PromiseOf(At(9), 0, {{Slot(1), At(7), ValueOf("b")}}), Slot()));
  EXPECT_TRUE(
      proposer.OnPromise(NodeId(2), PromiseOf(At(9), 0, {{Slot(1), At(3), ValueOf("a")}}), Slot()));
  EXPECT_EQ(proposer.Repropose(Slot(), 0).value, ValueOf("b"));
}

// PMS 2.2: "a majority": no proposal before that, and no acceptor counts twice.
TEST(PaxosPaperTest, Phase2StartsOnlyWithPromisesOfAMajority) {
  const ConfigurationHistory configurations(
      Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3), NodeId(4), NodeId(5)}));
  Proposer proposer(&configurations, At(1), 10, kWindowBytes);
  EXPECT_FALSE(proposer.OnPromise(NodeId(1), PromiseOf(At(1), 0), Slot()));
  EXPECT_FALSE(proposer.OnPromise(NodeId(1), PromiseOf(At(1), 0), Slot()));
  EXPECT_FALSE(proposer.OnPromise(NodeId(2), PromiseOf(At(1), 0), Slot()));
  EXPECT_FALSE(proposer.CanPropose(Slot()));
  EXPECT_TRUE(proposer.OnPromise(NodeId(3), PromiseOf(At(1), 0), Slot()));
  EXPECT_TRUE(proposer.CanPropose(Slot()));
}

// PMS 2.3: "a learner must find out that a proposal has been accepted by a majority of acceptors."
TEST(PaxosPaperTest, AValueIsChosenByAMajorityAndNotBefore) {
  const ConfigurationHistory configurations(kThree);
  Proposer proposer(&configurations, At(1), 10, kWindowBytes);
  proposer.OnPromise(NodeId(1), PromiseOf(At(1), 0), Slot());
  proposer.OnPromise(NodeId(2), PromiseOf(At(1), 0), Slot());
  proposer.Repropose(Slot(), 0);
  EXPECT_FALSE(proposer.OnAccepted(NodeId(2), Slot(1)));
  EXPECT_FALSE(proposer.OnAccepted(NodeId(2), Slot(1)));
  EXPECT_TRUE(proposer.OnAccepted(NodeId(3), Slot(1)));
}

// PMS 2.2, P2: once chosen, every higher-numbered proposal has that value. The leader chooses with
// one follower while the other is away, and dies; the two that remain must find the value.
TEST(PaxosPaperTest, P2AChosenValueSurvivesItsLeader) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const int witness = leader % 3 + 1;
  const int absent = witness % 3 + 1;
  cluster.Isolate(absent);
  cluster.Propose(leader, "a");
  cluster.Drive();
  // The witness votes; the watermark never reaches it.
  cluster.Cut(leader, witness);
  cluster.Settle();
  cluster.Crash(leader);
  cluster.Isolate(absent, false);
  ASSERT_NE(cluster.ElectLeader(), 0);
  cluster.TickAll(5);
  EXPECT_THAT(cluster.commands(witness), ElementsAre("a"));
  EXPECT_THAT(cluster.commands(absent), ElementsAre("a"));
}

// PMS 2.3 and P2b: the watermark of a ballot makes a value chosen only where it was accepted at
// that very ballot.
TEST(PaxosPaperTest, AWatermarkProvesNothingAboutAnotherBallotsValue) {
  Acceptor acceptor = NewAcceptor();
  acceptor.OnAccept(AcceptOf(At(1), 1, "stale"), Slot());
  acceptor.OnAccept(AcceptOf(At(2), 2, "fresh"), Slot());
  Learner learner{Slot()};
  learner.OnWatermark(Slot(2), At(2), acceptor);
  EXPECT_EQ(learner.chosen_through(), Slot());
  learner.Choose(Slot(1), ValueOf("chosen"));
  learner.OnWatermark(Slot(2), At(2), acceptor);
  EXPECT_EQ(learner.chosen_through(), Slot(2));
}

// PMS 2.4: two proposers that outbid one another for ever are the threat to progress; randomised
// patience ends it, whoever starts it.
TEST(PaxosPaperTest, DuellingProposersEnd) {
  for (int run = 0; run < 20; ++run) {
    Cluster cluster(5, [run](ReplicaOptions& options) {
      options.seed += static_cast<uint64_t>(run);
      options.election_ticks = 4;
    });
    EXPECT_NE(cluster.ElectLeader(), 0) << "run " << run;
  }
}

// PMS 2.5: "different proposers choose their numbers from disjoint sets".
TEST(PaxosPaperTest, BallotsOfDifferentNodesNeverTie) {
  EXPECT_NE(At(3, 1), At(3, 2));
  EXPECT_LT(At(3, 1), At(3, 2));
  EXPECT_LT(At(3, 9), At(4, 1));
}

// PMS 2.5: "each proposer remembers (in stable storage) the highest-numbered proposal it has
// tried". No Prepare leaves before the candidate's own promise is durable, so no life reuses a
// ballot.
TEST(PaxosPaperTest, NoPrepareLeavesBeforeTheOwnPromiseIsDurable) {
  Cluster cluster(3);
  cluster.HoldSync(1, true);
  for (int i = 0; i < 30; ++i) cluster.Tick(1);
  EXPECT_THAT(cluster.Said<Probe>(), testing::Not(IsEmpty()));
  EXPECT_THAT(cluster.Said<Prepare>(), IsEmpty());
  cluster.HoldSync(1, false);
  cluster.Settle();
  EXPECT_THAT(cluster.Said<Prepare>(), testing::Not(IsEmpty()));
}

TEST(PaxosPaperTest, ARestartedNodeUsesAHigherBallot) {
  Cluster cluster(1);
  cluster.ElectLeader();
  const Ballot before = cluster.at(1).status().leader_ballot;
  cluster.Crash(1);
  cluster.Restart(1);
  cluster.ElectLeader();
  EXPECT_GT(cluster.at(1).status().leader_ballot, before);
}

// PMS 2.5: "an acceptor records its intended response in stable storage before actually sending the
// response."
TEST(PaxosPaperTest, NoPromiseAndNoVoteLeavesBeforeItIsDurable) {
  Cluster cluster(3);
  for (int node = 2; node <= 3; ++node) cluster.HoldSync(node, true);
  for (int i = 0; i < 20; ++i) cluster.Tick(1);
  EXPECT_THAT(cluster.Said<Prepare>(), testing::Not(IsEmpty()));
  EXPECT_THAT(cluster.Said<Promise>(), IsEmpty());
  for (int node = 2; node <= 3; ++node) cluster.HoldSync(node, false);
  const int leader = cluster.ElectLeader();
  const size_t votes = cluster.Said<Accepted>().size();
  for (int node = 1; node <= 3; ++node) cluster.HoldSync(node, node != leader);
  cluster.Propose(leader, "a");
  cluster.Settle();
  EXPECT_EQ(cluster.Said<Accepted>().size(), votes);
  EXPECT_THAT(cluster.commands(leader), IsEmpty());
}

// The leader syncs in parallel with its followers and counts itself only when durable.
TEST(PaxosPaperTest, ALeaderCountsItsOwnVoteOnlyWhenDurable) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  cluster.HoldSync(leader, true);
  cluster.HoldSync(leader % 3 + 1, true);
  cluster.Propose(leader, "a");
  const Slot before = cluster.at(leader).status().chosen_through;
  cluster.Settle();
  EXPECT_EQ(cluster.at(leader).status().chosen_through, before);  // one durable vote of three
  cluster.HoldSync(leader % 3 + 1, false);
  cluster.Settle();
  EXPECT_GT(cluster.at(leader).status().chosen_through, before);  // two, none of them its own
}

// The state may become durable at any moment; were it ahead of the log, a restart would leave a log
// that teaches others what it held in the slot before.
TEST(PaxosPaperTest, NothingIsAppliedBeforeTheOwnLogHoldsIt) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  for (int node = 1; node <= 3; ++node) {
    cluster.HoldSync(node, true);
    cluster.Propose(leader, std::to_string(node));
    cluster.Settle();
    EXPECT_THAT(cluster.commands(node), SizeIs(static_cast<size_t>(node - 1)));
    cluster.HoldSync(node, false);
    cluster.Settle();
    EXPECT_THAT(cluster.commands(node), SizeIs(static_cast<size_t>(node)));
  }
}

// PMS 3: phase 1 "for infinitely many instances" with one message and one answer.
TEST(PaxosPaperTest, Phase1RunsOnceForAllSlots) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  const size_t prepares = cluster.Said<Prepare>().size();
  for (int i = 0; i < 50; ++i) {
    cluster.Propose(leader, std::to_string(i));
    cluster.Settle();
  }
  EXPECT_EQ(cluster.Said<Prepare>().size(), prepares);
}

// PMS 3: a new leader fills the gaps below what it found "with no-op commands".
TEST(PaxosPaperTest, GapsAreFilledWithNoOps) {
  const ConfigurationHistory configurations(kThree);
  Proposer proposer(&configurations, At(9), 10, kWindowBytes);
  proposer.OnPromise(NodeId(1), PromiseOf(At(9), 2, {{Slot(5), At(1), ValueOf("e")}}), Slot());
  proposer.OnPromise(NodeId(2), PromiseOf(At(9), 1, {{Slot(3), At(1), ValueOf("c")}}), Slot());
  std::vector<Accept> accepts;
  while (proposer.MustRepropose()) accepts.push_back(proposer.Repropose(Slot(2), 0));
  ASSERT_THAT(accepts, SizeIs(4));  // 3, 4, 5 and the barrier
  EXPECT_EQ(accepts[0].slot, Slot(3));
  EXPECT_EQ(accepts[0].value, ValueOf("c"));
  EXPECT_TRUE(accepts[1].value.is_no_op());
  EXPECT_EQ(accepts[2].value, ValueOf("e"));
  EXPECT_TRUE(accepts[3].value.is_no_op());
  EXPECT_EQ(accepts[3].slot, proposer.barrier());
}

// What one acceptor knows to be chosen is not proposed anew because another had it only accepted.
TEST(PaxosPaperTest, SlotsKnownToBeChosenAreNotReproposed) {
  const ConfigurationHistory configurations(kThree);
  Proposer proposer(&configurations, At(9), 10, kWindowBytes);
  proposer.OnPromise(NodeId(1), PromiseOf(At(9), 0, {{Slot(1), At(1), ValueOf("stale")}}), Slot());
  proposer.OnPromise(NodeId(2), PromiseOf(At(9), 1), Slot());
  EXPECT_EQ(proposer.Repropose(Slot(1), 0).slot, Slot(2));
}

// PMS 3: "a leader can get α commands ahead": slot s only when all through s-α are chosen.
TEST(PaxosPaperTest, ALeaderGetsAtMostAlphaSlotsAhead) {
  const ConfigurationHistory configurations(Configuration::OfVoters({NodeId(1)}));
  Proposer proposer(&configurations, At(1), 3, kWindowBytes);
  proposer.OnPromise(NodeId(1), PromiseOf(At(1), 0), Slot());
  proposer.Repropose(Slot(), 0);
  proposer.Propose(ValueOf("b"), Slot(), 0);
  proposer.Propose(ValueOf("c"), Slot(), 0);
  EXPECT_FALSE(proposer.CanPropose(Slot()));
  EXPECT_TRUE(proposer.CanPropose(Slot(1)));
}

// PMS 3: phase 2 of different slots may complete in any order; application is in slot order.
TEST(PaxosPaperTest, VotesInAnyOrderAreAppliedInSlotOrder) {
  Learner learner{Slot()};
  learner.Choose(Slot(2), ValueOf("b"));
  EXPECT_THAT(learner.TakeChosen(), IsEmpty());
  learner.Choose(Slot(1), ValueOf("a"));
  const auto chosen = learner.TakeChosen();
  ASSERT_THAT(chosen, SizeIs(2));
  EXPECT_EQ(chosen[0].slot, Slot(1));
  EXPECT_EQ(chosen[1].slot, Slot(2));
}

// Ongaro 6.4: a leader answers reads only after it has chosen something at its own ballot, or it
// might miss what its predecessor chose.
TEST(PaxosPaperTest, ANewLeaderAnswersNoReadBeforeItsBarrierIsChosen) {
  Cluster cluster(3);
  // Votes are lost: whoever is elected cannot choose its barrier.
  for (int tick = 0; tick < 60; ++tick) {
    for (int node = 1; node <= 3; ++node) cluster.at(node).Tick();
    cluster.Drive();
    while (!cluster.network().empty()) {
      if (std::holds_alternative<Accepted>(cluster.network().front().body)) {
        cluster.network().pop_front();
      } else {
        cluster.Deliver(0);
      }
      cluster.Drive();
    }
    for (int node = 1; node <= 3; ++node) cluster.at(node).Read(static_cast<uint64_t>(tick));
  }
  EXPECT_EQ(cluster.leader(), 0);
  for (int node = 1; node <= 3; ++node) EXPECT_THAT(cluster.reads(node), IsEmpty());
}

// Ongaro 6.4: the slot of a read covers everything chosen before the read arrived.
TEST(PaxosPaperTest, AReadSlotCoversAllThatWasAcknowledgedBefore) {
  Cluster cluster(3);
  const int leader = cluster.ElectLeader();
  for (int i = 0; i < 10; ++i) {
    cluster.Propose(leader, "x");
    cluster.Settle();
    const Slot acknowledged = cluster.at(leader).status().chosen_through;
    const int reader = i % 3 + 1;
    const size_t before = cluster.reads(reader).size();
    cluster.at(reader).Read(static_cast<uint64_t>(i));
    cluster.Settle();
    ASSERT_THAT(cluster.reads(reader), SizeIs(before + 1));
    EXPECT_GE(cluster.reads(reader).back().slot, acknowledged);
  }
}

// Ongaro 6.4: a deposed leader that does not know it yet must not answer.
TEST(PaxosPaperTest, ADeposedLeaderAnswersNoRead) {
  Cluster cluster(3);
  const int old_leader = cluster.ElectLeader();
  cluster.Isolate(old_leader);
  // The old leader does not tick: it is paused, and believes in itself.
  for (int i = 0; i < 60; ++i) {
    for (int node = 1; node <= 3; ++node) {
      if (node != old_leader) cluster.Tick(node);
    }
  }
  ASSERT_TRUE(cluster.at(old_leader).status().leader_serves);
  cluster.Isolate(old_leader, false);
  cluster.at(old_leader).Read(1);
  cluster.Settle();
  EXPECT_THAT(cluster.reads(old_leader), IsEmpty());
  EXPECT_FALSE(cluster.at(old_leader).status().leader_serves);
}

}  // namespace
}  // namespace synod::paxos
