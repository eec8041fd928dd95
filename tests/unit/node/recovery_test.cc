#include "services/node/recovery.h"

#include <gtest/gtest.h>

namespace synod::node {
namespace {

using paxos::AcceptedValue;
using paxos::Ballot;

const Ballot kLearned;
const Ballot kOld{1, NodeId(1)};
const Ballot kNew{5, NodeId(2)};

AcceptedValue At(uint64_t slot, Ballot ballot) {
  return {Slot(slot), ballot,
          paxos::Value::OfCommands({{{NodeId(1), slot}, "v" + std::to_string(slot)}})};
}

std::vector<uint64_t> ChosenSlots(const paxos::RecoveredState& state) {
  std::vector<uint64_t> slots;
  for (const auto& chosen : state.chosen) slots.push_back(chosen.slot.value());
  return slots;
}

std::vector<uint64_t> AcceptedSlots(const paxos::RecoveredState& state) {
  std::vector<uint64_t> slots;
  for (const auto& accepted : state.accepted) slots.push_back(accepted.slot.value());
  return slots;
}

using Slots = std::vector<uint64_t>;

// Of a log without damage.
storage::GroupLogState LogState(Ballot promised, Slot chosen_hint, Slot cut_through) {
  storage::GroupLogState state;
  state.promised = promised;
  state.chosen_hint = chosen_hint;
  state.cut_through = cut_through;
  return state;
}

TEST(RecoveryTest, EmptyLogGivesAFreshReplica) {
  const auto state = Recover({}, Slot(), {});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->chosen_through, Slot());
  EXPECT_FALSE(state->promised);
}

TEST(RecoveryTest, ValuesThroughTheHintAreChosenAndTheRestAccepted) {
  const auto state = Recover(LogState(kNew, /*chosen_hint=*/Slot(5), Slot()), Slot(3),
                             {At(4, kOld), At(5, kNew), At(6, kNew), At(8, kOld)});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->applied, Slot(3));
  EXPECT_EQ(state->chosen_through, Slot(5));
  EXPECT_EQ(ChosenSlots(*state), (Slots{4, 5}));
  EXPECT_EQ(AcceptedSlots(*state), (Slots{6, 8}));
  EXPECT_EQ(state->accepted[0].ballot, kNew);
}

TEST(RecoveryTest, EngineMayBeAheadOfTheHint) {
  const auto state =
      Recover(LogState(kNew, /*chosen_hint=*/Slot(2), Slot()), Slot(7), {At(8, kNew)});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->chosen_through, Slot(7));
  EXPECT_EQ(AcceptedSlots(*state), (Slots{8}));
}

TEST(RecoveryTest, AMissingChosenValueIsDataLoss) {
  const auto state =
      Recover(LogState(kNew, /*chosen_hint=*/Slot(3), Slot()), Slot(), {At(1, kOld), At(3, kOld)});
  EXPECT_EQ(state.status().code(), absl::StatusCode::kDataLoss);
}

TEST(RecoveryTest, LearnedValuesAreChosenBecauseTheyRaiseTheHint) {
  const auto state = Recover(LogState(kNew, /*chosen_hint=*/Slot(2), Slot()), Slot(),
                             {At(1, kOld), At(2, kLearned)});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(ChosenSlots(*state), (Slots{1, 2}));
}

TEST(RecoveryTest, VoteImpliesAPromise) {
  const auto state = Recover(LogState(kOld, Slot(), Slot()), Slot(), {At(1, kNew)});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->promised, kNew);
}

TEST(RecoveryTest, LogCutAboveTheEngineIsDataLoss) {
  const auto state =
      Recover(LogState(kNew, Slot(6), /*cut_through=*/Slot(5)), Slot(4), {At(6, kNew)});
  EXPECT_EQ(state.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(
      Recover(LogState(kNew, Slot(6), /*cut_through=*/Slot(5)), Slot(5), {At(6, kNew)}).ok());
}

}  // namespace
}  // namespace synod::node
