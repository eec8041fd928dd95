#include "balancer/control/ejection.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

class EjectionTest : public ::testing::Test {
 protected:
  EjectionTest() {
    for (int i = 0; i < 3; ++i)
      candidates_.push_back({Address(i), std::make_shared<BackendStats>()});
  }

  static std::string Address(int i) { return absl::StrCat("10.0.0.", i, ":1"); }
  void Fail(int i, uint32_t times) { candidates_[i].stats->consecutive_failures += times; }
  // Ejected backends after a sweep, as a string of their numbers.
  std::string Sweep(absl::Duration at, size_t minimum = 2) {
    ejection_.Sweep(candidates_, minimum, at);
    std::string ejected;
    for (int i = 0; i < 3; ++i) {
      if (ejection_.IsEjected(Address(i))) absl::StrAppend(&ejected, i);
    }
    return ejected;
  }

  std::vector<Ejection::Candidate> candidates_;
  Ejection ejection_;
};

TEST_F(EjectionTest, FiveFailuresInARowEject) {
  Fail(1, 4);
  EXPECT_EQ(Sweep(absl::Seconds(1)), "");
  Fail(1, 1);
  EXPECT_EQ(Sweep(absl::Seconds(2)), "1");
}

TEST_F(EjectionTest, NeverBelowTheMinimumAndTheWorstFirst) {
  Fail(0, 5);
  Fail(1, 9);
  Fail(2, 7);
  EXPECT_EQ(Sweep(absl::Seconds(1)), "1");
  EXPECT_EQ(Sweep(absl::Seconds(2), 3),
            "1");  // Not undone by a higher minimum: the router's business.
  EXPECT_EQ(Sweep(absl::Seconds(3), 1), "12");
}

TEST_F(EjectionTest, ComesBackAfterItsTimeWithoutItsOldFailures) {
  Fail(0, 5);
  EXPECT_EQ(Sweep(absl::Seconds(10)), "0");
  EXPECT_EQ(Sweep(absl::Seconds(14.9)), "0");
  EXPECT_EQ(Sweep(absl::Seconds(15)), "");
  EXPECT_EQ(Sweep(absl::Seconds(15.1)), "");
}

TEST_F(EjectionTest, TheTimeGrowsWithEachEjectionAndShrinksInHealth) {
  Fail(0, 5);
  EXPECT_EQ(Sweep(absl::Seconds(0)), "0");
  EXPECT_EQ(Sweep(absl::Seconds(5)), "");
  Fail(0, 5);
  EXPECT_EQ(Sweep(absl::Seconds(6)), "0");
  EXPECT_EQ(Sweep(absl::Seconds(15.9)), "0");  // Twice as long.
  EXPECT_EQ(Sweep(absl::Seconds(16)), "");
  EXPECT_EQ(Sweep(absl::Seconds(26)), "");  // Ten healthy seconds forgive one.
  EXPECT_EQ(Sweep(absl::Seconds(36)), "");  // And the other.
  Fail(0, 5);
  EXPECT_EQ(Sweep(absl::Seconds(40)), "0");
  EXPECT_EQ(Sweep(absl::Seconds(45)), "");
}

TEST_F(EjectionTest, TheTimeIsCapped) {
  absl::Duration now;
  for (int i = 0; i < 100; ++i) {
    Fail(0, 5);
    ASSERT_EQ(Sweep(now), "0");
    now += EjectionOptions().max_time;
    ASSERT_EQ(Sweep(now), "") << "ejection " << i;
  }
}

TEST_F(EjectionTest, ABackendThatIsNoCandidateIsForgotten) {
  Fail(0, 5);
  EXPECT_EQ(Sweep(absl::Seconds(1)), "0");
  const auto first = candidates_.front();
  candidates_.erase(candidates_.begin());
  EXPECT_EQ(Sweep(absl::Seconds(2)), "");
}

}  // namespace
}  // namespace synod::balancer
