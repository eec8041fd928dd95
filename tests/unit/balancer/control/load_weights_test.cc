#include "balancer/control/load_weights.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class LoadWeightsTest : public ::testing::Test {
 protected:
  void Report(const std::string& address, double qps, double cpu, double errors = 0) {
    BackendFacts& facts = facts_[address];
    facts.connected = true;
    facts.view.emplace();
    facts.view->requests_per_second = qps;
    facts.view->cpu_utilization = cpu;
    facts.view->errors_per_second = errors;
  }
  // All backends report once a second.
  std::map<std::string, uint32_t> After(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now_ += absl::Seconds(1);
      for (auto& [address, facts] : facts_) facts.heard_at = now_;
      weights_.Update(facts_, now_);
    }
    return weights_.weights();
  }

  FactsByAddress facts_;
  LoadWeights weights_;
  absl::Duration now_ = absl::Hours(1);
};

TEST_F(LoadWeightsTest, AreUnusableForTenSeconds) {
  Report("a", 100, 0.5);
  Report("b", 100, 0.5);
  EXPECT_THAT(After(10), IsEmpty());
  EXPECT_THAT(After(1), ElementsAre(Pair("a", 1000), Pair("b", 1000)));
}

// A58: requests per second over utilization; errors count as if they took utilization.
TEST_F(LoadWeightsTest, FollowTheFormula) {
  Report("a", 100, 0.25);
  Report("b", 100, 0.75);
  EXPECT_THAT(After(11), ElementsAre(Pair("a", 1500), Pair("b", 500)));
  Report("a", 100, 0.25, 50);  // 0.25 + 0.5 as well.
  EXPECT_THAT(After(1), ElementsAre(Pair("a", 1000), Pair("b", 1000)));
}

TEST_F(LoadWeightsTest, StayUntilOneMovesByMoreThanFivePercent) {
  Report("a", 100, 0.5);
  Report("b", 100, 0.5);
  After(11);
  Report("a", 108, 0.5);
  EXPECT_THAT(After(1), ElementsAre(Pair("a", 1000), Pair("b", 1000)));
  Report("a", 120, 0.5);
  EXPECT_THAT(After(1), ElementsAre(Pair("a", 1091), Pair("b", 909)));
}

TEST_F(LoadWeightsTest, ReportsWithoutRequestsOrUtilizationSayNothing) {
  Report("a", 100, 0.5);
  Report("b", 100, 0.25);
  Report("c", 0, 0.5);
  Report("d", 100, -1);
  EXPECT_THAT(After(11), ElementsAre(Pair("a", 667), Pair("b", 1333)));
}

TEST_F(LoadWeightsTest, OneKnownWeightIsNone) {
  Report("a", 100, 0.5);
  Report("b", 0, 0);
  EXPECT_THAT(After(20), IsEmpty());
}

TEST_F(LoadWeightsTest, ANodeThatReturnsIsMeasuredAnew) {
  Report("a", 100, 0.5);
  Report("b", 100, 0.5);
  After(20);
  facts_["b"].connected = false;
  EXPECT_THAT(After(1), IsEmpty());
  facts_["b"].connected = true;
  EXPECT_THAT(After(9), IsEmpty());
  EXPECT_THAT(After(3), ElementsAre(Pair("a", 1000), Pair("b", 1000)));
}

TEST_F(LoadWeightsTest, AreKeptBetweenOnePercentAndTenTimesTheMean) {
  for (int i = 0; i < 19; ++i) Report(std::string(1, static_cast<char>('a' + i)), 1, 1);
  Report("z", 1e6, 1);
  const auto weights = After(11);
  EXPECT_EQ(weights.at("a"), 10);
  EXPECT_EQ(weights.at("z"), 10'000);
}

TEST_F(LoadWeightsTest, ExpireAfterThreeMinutesOfSilence) {
  Report("a", 100, 0.5);
  Report("b", 100, 0.5);
  After(20);
  now_ += absl::Seconds(181);
  weights_.Update(facts_, now_);
  EXPECT_THAT(weights_.weights(), IsEmpty());
}

}  // namespace
}  // namespace synod::balancer
