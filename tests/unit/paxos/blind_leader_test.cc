// A leader that was elected with a promise that has forgotten votes, and what it may take for its
// barrier when better informed nodes come into reach later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/paxos/proposer.h"
#include "tests/unit/paxos/cluster.h"
#include "tests/unit/paxos/words.h"

namespace synod::paxos {
namespace {

// Four commands were chosen by `knows` and `forgot`, while `stranger` was cut off. Then the log of
// `forgot` lost its votes, and `stranger` became leader with its promise. `knows` was cut off and
// can now be heard by the stranger.
struct BlindLeader {
  BlindLeader() {
    knows = cluster.ElectLeader();
    forgot = knows % 3 + 1;
    stranger = forgot % 3 + 1;
    cluster.TickAll(5);
    cluster.Isolate(stranger);
    for (const char* command : {"a", "b", "c", "d"}) {
      cluster.Propose(knows, command);
      cluster.Settle();
    }
    acknowledged = cluster.at(knows).status().chosen_through;
    cluster.TickAll(2);
    cluster.Crash(forgot);
    cluster.LoseVotes(forgot);
    cluster.Isolate(stranger, false);
    cluster.Isolate(knows);
    cluster.Restart(forgot);
    for (int tick = 0; tick < 200 && !Leads(); ++tick) TickBoth();
    cluster.Cut(stranger, knows, false);
  }

  bool Leads() { return cluster.at(stranger).status().role == Role::kLeader; }
  bool Serves() { return cluster.at(stranger).status().leader_serves; }
  void TickBoth() {
    cluster.Tick(stranger);
    cluster.Tick(forgot);
  }

  // Delivers one message after the other, those of `knows` as `let_pass` says, until the stranger
  // serves as leader; false if that does not happen soon.
  template <class LetPass>
  bool DeliverUntilItServes(LetPass let_pass) {
    for (int tick = 0; tick < 9; ++tick) {
      cluster.at(stranger).Tick();
      for (cluster.Drive(); !cluster.network().empty(); cluster.Drive()) {
        const Message& next = cluster.network().front();
        if (next.from != Cluster::Id(knows) || let_pass(next)) {
          cluster.Deliver(0);
        } else {
          cluster.network().pop_front();
        }
        cluster.Drive();
        if (Serves()) return true;
      }
    }
    return false;
  }

  // `knows` is out of reach again, and what it said last is lost.
  void LoseSightOfIt() {
    cluster.Isolate(knows);
    std::erase_if(cluster.network(), [this](const Message& message) {
      return message.from == Cluster::Id(knows) || message.to == Cluster::Id(knows);
    });
  }

  Cluster cluster{3};
  int knows = 0;
  int forgot = 0;
  int stranger = 0;
  Slot acknowledged;
};

TEST(BlindLeaderTest, ServesNoReadBeforeItKnowsWhatWasAcknowledged) {
  BlindLeader run;
  ASSERT_TRUE(run.Leads());
  ASSERT_FALSE(run.Serves());
  const bool serves = run.DeliverUntilItServes([](const Message&) { return true; });
  run.LoseSightOfIt();
  ASSERT_TRUE(!serves || run.cluster.at(run.stranger).Read(77) == Admission::kAdmitted);
  run.cluster.Settle();
  for (const SafeRead& read : run.cluster.reads(run.stranger)) {
    EXPECT_GE(read.slot, run.acknowledged);
  }
}

// Learning a part of what was chosen behind the first barrier settles nothing: were the forgetful
// node told so, it would stop saying that it forgot.
TEST(BlindLeaderTest, ForgivesNobodyBeforeItKnowsWhatWasAcknowledged) {
  BlindLeader run;
  ASSERT_TRUE(run.Leads());
  bool promised = false;
  run.DeliverUntilItServes([&promised](const Message& message) {
    promised = promised || std::holds_alternative<Promise>(message.body);
    return promised || !std::holds_alternative<Learned>(message.body);
  });
  run.LoseSightOfIt();
  for (int tick = 0; tick < 100; ++tick) run.TickBoth();
  run.cluster.Propose(run.stranger, "other");
  run.cluster.Settle();
  run.cluster.Isolate(run.knows, false);
  run.cluster.TickAll(50);
  for (const auto& [slot, payloads] : run.cluster.applied(run.knows)) {
    const auto& others = run.cluster.applied(run.stranger);
    const auto other = others.find(slot);
    EXPECT_TRUE(other == others.end() || other->second == payloads) << "slot " << slot;
  }
}

// Something was learned between Prepare and the last promise of the quorum, which had forgotten.
TEST(BlindLeaderTest, TakesNothingForItsBarrierThatItLearnedSincePrepare) {
  const ConfigurationHistory history(kThree);
  const Ballot ballot{9, NodeId(1)};
  Proposer proposer(&history, ballot, 8, 1000);
  proposer.OnPromise(NodeId(1), {ballot, Slot(1), {}}, Slot(1));
  proposer.ForgetThrough(Slot(3));
  Promise forgetful{ballot, Slot(1), {}};
  forgetful.lost_through = {5, NodeId(2)};
  ASSERT_TRUE(proposer.OnPromise(NodeId(2), forgetful, Slot(3)));
  EXPECT_EQ(proposer.barrier(), Slot(4));
  EXPECT_FALSE(proposer.Settled(Slot(3)));
}

// What keeps it from serving must not keep it so for good.
TEST(BlindLeaderTest, GoesOnOnceTheThirdIsBack) {
  BlindLeader run;
  run.cluster.Isolate(run.knows, false);
  const int leader = run.cluster.ElectLeader();
  ASSERT_NE(leader, 0);
  run.cluster.Propose(leader, "e");
  run.cluster.TickAll(50);
  for (int node : {1, 2, 3}) {
    EXPECT_THAT(run.cluster.commands(node), ::testing::ElementsAre("a", "b", "c", "d", "e"))
        << node;
  }
}

}  // namespace
}  // namespace synod::paxos
