#include "services/node/log_budget.h"

#include <gtest/gtest.h>

namespace synod::node {
namespace {

constexpr uint64_t kMax = 1000;

TEST(LogBudgetTest, ALogThatFitsIsLeftAlone) {
  EXPECT_EQ(CutToFit({Slot(3), Slot(90), kMax}, kMax), Slot(3));
  EXPECT_EQ(CutToFit({Slot(3), Slot(3), 2 * kMax}, kMax), Slot(3)) << "there is nothing to cut";
}

TEST(LogBudgetTest, HalfOfTheLimitIsKept) {
  EXPECT_EQ(CutToFit({Slot(100), Slot(300), 2 * kMax}, kMax), Slot(250));
  EXPECT_EQ(CutToFit({Slot(100), Slot(300), 200 * kMax}, kMax), Slot(300)) << "half a slot is none";
}

// A node that starts after a hundred thousand million slots, with the largest limit.
TEST(LogBudgetTest, SlotsTimesBytesMayBeMoreThanFits) {
  const uint64_t slots = 100'000'000'000;
  const uint64_t max = uint64_t{1} << 40;
  EXPECT_EQ(CutToFit({Slot(), Slot(slots), 2 * max}, max), Slot(slots / 4 * 3));
}

}  // namespace
}  // namespace synod::node
