// What phase 1 gathers, and what promises leave out.
#include "services/paxos/promises.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "services/paxos/acceptor.h"
#include "services/paxos/proposer.h"
#include "tests/unit/paxos/cluster.h"
#include "tests/unit/paxos/words.h"

namespace synod::paxos {
namespace {

Promise Forgetful(UntoldVotes votes) {
  return {At(9), Slot(), {}, Slot(), {votes}, {}};
}

TEST(PromisesTest, AnUnknownVoteIsNotSilence) {
  Promises promises;
  promises.Add(NodeId(1), Forgetful({Slot(1), Slot(1), At(3)}));
  promises.Add(NodeId(2), {At(9), Slot(), {}});
  EXPECT_FALSE(promises.Know(kThree, Slot(1)));
  EXPECT_TRUE(promises.Know(kThree, Slot(2)));
  promises.Add(NodeId(3), {At(9), Slot(), {}});
  EXPECT_TRUE(promises.Know(kThree, Slot(1)));
  EXPECT_EQ(promises.Bound(Slot(1)), nullptr);
}

TEST(PromisesTest, AVoteOfTheSameOrAHigherBallotMakesUpForIt) {
  for (const uint64_t round : {2, 3, 4}) {
    Promises promises;
    promises.Add(NodeId(1), Forgetful({Slot(1), Slot(1), At(3)}));
    promises.Add(NodeId(2), {At(9), Slot(), {{Slot(1), At(round), ValueOf("a")}}});
    EXPECT_EQ(promises.Know(kThree, Slot(1)), round >= 3) << round;
  }
}

TEST(PromisesTest, AForgottenChosenValueIsWaitedFor) {
  Promises promises;
  promises.Add(NodeId(1), Forgetful({Slot(1), Slot(1), Ballot::Max()}));
  promises.Add(NodeId(2), {At(9), Slot(), {{Slot(1), At(8), ValueOf("a")}}});
  EXPECT_FALSE(promises.Know(kThree, Slot(1)));
}

TEST(PromisesTest, LostVotesMayBeAnywhere) {
  Promises promises;
  promises.Add(NodeId(1), {At(9), Slot(), {}, Slot(), {}, At(3)});
  promises.Add(NodeId(2), {At(9), Slot(), {{Slot(5), At(3), ValueOf("a")}}});
  EXPECT_FALSE(promises.Know(kThree, Slot(1)));
  EXPECT_TRUE(promises.Know(kThree, Slot(5)));
  EXPECT_FALSE(promises.Know(kThree, Slot(6)));
}

TEST(PromisesTest, AskedAgainAnAcceptorTellsTheRest) {
  Acceptor acceptor(At(3), {}, 100);
  for (const uint64_t slot : {2, 3, 4, 6}) {
    ASSERT_TRUE(acceptor.OnAccept({At(4), Slot(slot), ValueOf("a"), Slot()}, Slot()));
  }
  Promises promises;
  promises.Add(NodeId(2), {At(9), Slot(), {}});
  const auto ask = [&](Slot watermark) {
    const auto answer = acceptor.OnPrepare({At(9), watermark}, Slot(), {}, /*max_bytes=*/1);
    promises.Add(NodeId(1), std::get<Promise>(answer.reply));
  };
  ask(Slot());
  EXPECT_EQ(promises.last_touched(), Slot(6));
  for (uint64_t slot = 1; slot <= 7; ++slot) {
    const bool told = slot != 3 && slot != 4 && slot != 6;
    EXPECT_EQ(promises.Know(kThree, Slot(slot)), told) << slot;
    EXPECT_EQ(promises.Hides(NodeId(1), Slot(slot)), !told) << slot;
  }
  ask(Slot(2));
  EXPECT_TRUE(promises.Know(kThree, Slot(3)));
  EXPECT_FALSE(promises.Know(kThree, Slot(4)));
  ask(Slot(4));
  EXPECT_TRUE(promises.Intact());
  EXPECT_NE(promises.Bound(Slot(6)), nullptr);
}

TEST(PromisesTest, AChosenValueWithoutAVoteIsLeftOutOfAPromise) {
  Acceptor acceptor(At(3), {}, 100);
  ASSERT_TRUE(acceptor.OnAccept({At(4), Slot(2), ValueOf("a"), Slot()}, Slot()));
  const std::map<Slot, Value> known = {{Slot(2), ValueOf("a")}, {Slot(3), ValueOf("b")}};
  const auto answer = acceptor.OnPrepare({At(9), Slot()}, Slot(), known, 100);
  const auto& promise = std::get<Promise>(answer.reply);
  ASSERT_EQ(promise.untold.size(), 1u);
  EXPECT_EQ(promise.untold[0].first, Slot(3));
  EXPECT_EQ(promise.untold[0].last, Slot(3));
  EXPECT_EQ(promise.untold[0].bound, Ballot::Max());
}

// However a log is riddled, and however much of it is known: a promise stays small.
TEST(PromisesTest, APromiseIsBounded) {
  Acceptor acceptor(At(3), {}, 100);
  std::vector<UnknownVote> unknown;
  std::map<Slot, Value> known;
  for (uint64_t slot = 3; slot <= 20'000; ++slot) {
    if (slot % 2 == 0) unknown.push_back({Slot(slot), At(3)});
    if (slot % 2 == 1) known.emplace(slot, ValueOf("a"));
  }
  acceptor.Forgot(std::move(unknown), Ballot());
  const auto answer = acceptor.OnPrepare({At(9), Slot()}, Slot(), known, 100);
  const auto& promise = std::get<Promise>(answer.reply);
  EXPECT_LE(promise.untold.size(), 1024u);
  EXPECT_EQ(promise.untold.back().last, Slot(20'000));
  EXPECT_EQ(promise.untold.back().bound, Ballot::Max());
}

// A later promise tells of a vote that the first quorum hid: it is proposed again, not overwritten.
TEST(PromisesTest, AVoteThatALaterPromiseTellsMovesTheBarrier) {
  const ConfigurationHistory three(kThree);
  Proposer proposer(&three, At(9), 128, 1 << 20);
  proposer.OnPromise(NodeId(1), {At(9), Slot(), {}, Slot(), {}, At(3)}, Slot());
  ASSERT_TRUE(proposer.OnPromise(NodeId(2), {At(9), Slot(), {}}, Slot()));
  EXPECT_EQ(proposer.barrier(), Slot(1));
  proposer.OnPromise(NodeId(3), {At(9), Slot(), {{Slot(2), At(3), ValueOf("a")}}}, Slot());
  EXPECT_EQ(proposer.barrier(), Slot(3));
  std::vector<Value> proposed;
  while (proposer.MustRepropose()) proposed.push_back(proposer.Repropose(Slot(), 0).value);
  EXPECT_EQ(proposed, (std::vector<Value>{Value(), ValueOf("a"), Value()}));
}

// Of what lies between, nobody would have said anything.
TEST(PromisesTest, APromiseToldFromAboveWhatIsKnownDoesNotCount) {
  const ConfigurationHistory three(kThree);
  Proposer proposer(&three, At(9), 128, 1 << 20);
  const Promise skipping{At(9), Slot(3), {}, Slot(5), {}, {}};
  proposer.OnPromise(NodeId(1), skipping, Slot(4));
  proposer.OnPromise(NodeId(2), skipping, Slot(4));
  EXPECT_FALSE(proposer.leads());
  proposer.OnPromise(NodeId(1), skipping, Slot(5));
  proposer.OnPromise(NodeId(2), skipping, Slot(5));
  EXPECT_TRUE(proposer.leads());
  EXPECT_EQ(proposer.next_slot(), Slot(6));
}

// The votes of the one who is left do not fit in a promise: the leader asks for more as it goes.
TEST(PromisesTest, OneLeaderGetsAllOfManyVotes) {
  Cluster cluster(3, [](ReplicaOptions& options) {
    options.max_promise_bytes = 1;
    options.max_batch_bytes = 1;
  });
  const int leader = cluster.ElectLeader();
  const int voter = leader % 3 + 1;
  const int candidate = voter % 3 + 1;
  cluster.TickAll(5);
  cluster.Isolate(candidate);
  cluster.CutOneWay(voter, leader);
  std::vector<std::string> commands;
  for (int i = 0; i < 5; ++i) {
    commands.push_back("c" + std::to_string(i));
    cluster.Propose(leader, commands.back());
    cluster.Settle();
  }
  ASSERT_THAT(cluster.commands(leader), testing::IsEmpty());
  cluster.Crash(leader);
  cluster.Isolate(candidate, false);
  for (int i = 0; i < 30 && cluster.leader() != candidate; ++i) cluster.Tick(candidate);
  cluster.TickAll(60);
  EXPECT_EQ(cluster.leader(), candidate);
  EXPECT_EQ(cluster.commands(candidate), commands);
  size_t asked = 0;
  for (const auto& [message, prepare] : cluster.Said<Prepare>()) {
    if (message.from == Cluster::Id(candidate) && message.to == Cluster::Id(voter)) ++asked;
  }
  EXPECT_GE(asked, 5u);
}

}  // namespace
}  // namespace synod::paxos
