#include "balancer/control/view_keeper.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/unit/balancer/control/facts_for_tests.h"

namespace synod::balancer {
namespace {

class ViewKeeperTest : public ::testing::Test {
 protected:
  std::shared_ptr<const View> Turn() {
    now_ += absl::Milliseconds(50);
    for (auto& [address, facts] : facts_) facts.heard_at = now_;
    return keeper_.Turn(wishes_, facts_, now_);
  }
  static const Backend& Of(const View& view, uint64_t id) { return view.backends[id - 1]; }

  Wishes wishes_{.settings = {}, .seeds = ThreeSeeds(), .drained = {}};
  FactsByAddress facts_ = ThreeNodes();
  absl::Duration now_ = kNow;
  ViewKeeper keeper_{/*generic=*/false, EjectionOptions{}};
};

TEST_F(ViewKeeperTest, TheVersionGrowsWithRoutingOnly) {
  EXPECT_EQ(Turn()->version, 1);
  facts_[AddressOfNode(1)].view->applied_slot = 200;
  const auto moved = Turn();
  EXPECT_EQ(moved->version, 1);
  EXPECT_EQ(Of(*moved, 1).applied_slot, 200);
  facts_[AddressOfNode(1)] = Unreachable();
  EXPECT_EQ(Turn()->version, 2);
  EXPECT_EQ(Turn()->version, 2);
}

TEST_F(ViewKeeperTest, AnOlderBallotHeardLaterDoesNotBringItsLeaderBack) {
  facts_[AddressOfNode(3)].view->leader_id = 3;
  facts_[AddressOfNode(3)].view->leader_ballot = {8, 3};
  EXPECT_EQ(Turn()->leader, 2);
  facts_[AddressOfNode(3)] = Unreachable();
  EXPECT_EQ(Turn()->leader, 2) << "n1 and n2 still tell of ballot 7";
}

TEST_F(ViewKeeperTest, MeasurementsAndEjectionsOutliveTheView) {
  const auto first = Turn();
  Of(*first, 1).stats->consecutive_failures = EjectionOptions().consecutive_failures;
  Turn();
  const auto ejected = Turn();
  EXPECT_EQ(Of(*ejected, 1).stats, Of(*first, 1).stats);
  EXPECT_EQ(Of(*ejected, 1).state, BackendState::kEjected);
  EXPECT_EQ(ejected->version, first->version + 1);
  now_ += EjectionOptions().base_time;
  EXPECT_EQ(Of(*Turn(), 1).state, BackendState::kEjected) << "let in by the turn, not before it";
  EXPECT_EQ(Of(*Turn(), 1).state, BackendState::kReady);
}

TEST_F(ViewKeeperTest, WhatIsDrainedShowsAtOnce) {
  Turn();
  wishes_.drained.insert("n2");
  EXPECT_EQ(Of(*Turn(), 2).state, BackendState::kDraining);
}

}  // namespace
}  // namespace synod::balancer
