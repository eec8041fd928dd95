#include "common/random.h"

#include <gtest/gtest.h>

namespace synod {
namespace {

TEST(RandomTest, SameSeedGivesSameNumbers) {
  Random a(7);
  Random b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
}

TEST(RandomTest, BelowStaysBelowAndReachesEveryValue) {
  Random random(1);
  std::array<int, 5> counts{};
  for (int i = 0; i < 50'000; ++i) ++counts.at(random.Below(5));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(RandomTest, ForkIsIndependentOfTheParentsLaterOutput) {
  Random a(3);
  Random b(3);
  Random fork_a = a.Fork();
  Random fork_b = b.Fork();
  b.Next();
  EXPECT_EQ(fork_a.Next(), fork_b.Next());
}

}  // namespace
}  // namespace synod
