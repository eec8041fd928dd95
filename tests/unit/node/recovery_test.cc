#include "services/node/recovery.h"

#include <gmock/gmock.h>
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

storage::GroupLogState LogOf(Ballot promised, Slot hint, Slot cut = Slot()) {
  storage::GroupLogState log;
  log.promised = promised;
  log.chosen_hint = hint;
  log.cut_through = cut;
  return log;
}

paxos::RecoveredState Recovered(const storage::GroupLogState& log, Slot applied,
                                std::vector<AcceptedValue> values) {
  return Recover(log, 7, applied,
                 paxos::ConfigurationHistory(paxos::Configuration::OfVoters({NodeId(1)})),
                 std::move(values));
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

TEST(RecoveryTest, EmptyLogGivesAFreshReplica) {
  const auto state = Recovered(LogOf(Ballot(), Slot()), Slot(), {});
  EXPECT_TRUE(state.chosen.empty());
  EXPECT_EQ(state.instance, 7u);
  EXPECT_FALSE(state.founded);
  EXPECT_FALSE(state.promised);
}

TEST(RecoveryTest, ValuesThroughTheHintAreChosenAndTheRestAccepted) {
  const auto state = Recovered(LogOf(kNew, /*chosen_hint=*/Slot(5), Slot()), Slot(3),
                               {At(4, kOld), At(5, kNew), At(6, kNew), At(8, kOld)});
  EXPECT_EQ(state.applied, Slot(3));
  EXPECT_EQ(ChosenSlots(state), (Slots{4, 5}));
  EXPECT_EQ(AcceptedSlots(state), (Slots{6, 8}));
  EXPECT_EQ(state.accepted[0].ballot, kNew);
}

TEST(RecoveryTest, AVoteInAReopenedSlotIsAVote) {
  storage::GroupLogState log = LogOf(kNew, /*chosen_hint=*/Slot(4));
  log.reopened = {Slot(2)};
  const auto state = Recovered(log, Slot(), {At(1, kOld), At(2, kNew), At(3, kLearned)});
  EXPECT_EQ(ChosenSlots(state), (Slots{1, 3}));
  EXPECT_EQ(AcceptedSlots(state), (Slots{2}));
  EXPECT_TRUE(state.unknown.empty());
}

TEST(RecoveryTest, EngineMayBeAheadOfTheHint) {
  const auto state =
      Recovered(LogOf(kNew, /*chosen_hint=*/Slot(2), Slot()), Slot(7), {At(8, kNew)});
  EXPECT_THAT(state.chosen, testing::IsEmpty());
  EXPECT_EQ(AcceptedSlots(state), (Slots{8}));
}

TEST(RecoveryTest, LearnedValuesAreChosenBecauseTheyRaiseTheHint) {
  const auto state = Recovered(LogOf(kNew, /*chosen_hint=*/Slot(2), Slot()), Slot(),
                               {At(1, kOld), At(2, kLearned)});
  EXPECT_EQ(ChosenSlots(state), (Slots{1, 2}));
}

TEST(RecoveryTest, VoteImpliesAPromise) {
  const auto state = Recovered(LogOf(kOld, Slot(), Slot()), Slot(), {At(1, kNew)});
  EXPECT_EQ(state.promised, kNew);
}

// The engine was lost: what the log still holds is chosen, the rest must come as a snapshot.
TEST(RecoveryTest, LogCutAboveTheEngineWaitsForASnapshot) {
  const auto state =
      Recovered(LogOf(kNew, Slot(6), /*cut=*/Slot(5)), Slot(4), {At(6, kNew), At(7, kNew)});
  EXPECT_EQ(state.vote_floor, Slot(5));
  EXPECT_EQ(ChosenSlots(state), (Slots{6}));
  EXPECT_EQ(AcceptedSlots(state), (Slots{7}));
}

TEST(RecoveryTest, ASlotWhoseNewestVoteIsLostIsNotChosenByAnOlderOne) {
  storage::GroupLogState log = LogOf(kNew, Slot(3));
  log.unknown = {{Slot(2), kNew}};
  const auto state = Recovered(log, Slot(), {At(1, kNew), At(2, kOld), At(3, kNew)});
  EXPECT_EQ(ChosenSlots(state), (Slots{1, 3}));
  EXPECT_EQ(AcceptedSlots(state), (Slots{2}));
  ASSERT_EQ(state.unknown.size(), 1u);
  EXPECT_EQ(state.unknown[0].slot, Slot(2));
}

TEST(RecoveryTest, WhatTheEngineHoldsIsNotUnknown) {
  storage::GroupLogState log = LogOf(kNew, Slot(3));
  log.unknown = {{Slot(2), kNew}};
  const auto state = Recovered(log, Slot(2), {At(3, kNew)});
  EXPECT_TRUE(state.unknown.empty());
}

TEST(RecoveryTest, WithLostVotesOnlyTheNewestAndTheLearnedAreChosen) {
  storage::GroupLogState log = LogOf(kNew, Slot(5));
  log.lost_through = kNew;
  const auto state = Recovered(log, Slot(), {At(1, kOld), At(2, kLearned), At(5, kNew)});
  EXPECT_EQ(ChosenSlots(state), (Slots{2, 5}));
  EXPECT_EQ(AcceptedSlots(state), (Slots{1}));
  EXPECT_EQ(state.lost_through, kNew);
}

}  // namespace
}  // namespace synod::node
