#include "balancer/view/peak_ewma.h"

#include <cmath>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

constexpr absl::Duration kStart = absl::Seconds(100);

double Ms(std::optional<absl::Duration> estimate) {
  return estimate ? absl::ToDoubleMilliseconds(*estimate) : -1;
}

TEST(PeakEwmaTest, HasNoEstimateBeforeTheFirstSample) {
  EXPECT_EQ(PeakEwma().Estimate(kStart), std::nullopt);
}

TEST(PeakEwmaTest, JumpsToAPeakAtOnceEvenWithinOneTick) {
  PeakEwma latency;
  latency.Observe(absl::Milliseconds(1), kStart);
  latency.Observe(absl::Milliseconds(50), kStart);
  EXPECT_NEAR(Ms(latency.Estimate(kStart)), 50, 1e-3);
}

TEST(PeakEwmaTest, FollowsLowerSamplesByTheShareOfTheTimePassed) {
  PeakEwma latency(absl::Seconds(10));
  latency.Observe(absl::Milliseconds(100), kStart);
  latency.Observe(absl::Milliseconds(10), kStart + absl::Seconds(5));
  const double retained = std::exp(-0.5);
  EXPECT_NEAR(Ms(latency.Estimate(kStart + absl::Seconds(5))), 100 * retained + 10 * (1 - retained),
              1e-3);
}

// With tau = 10 s, a peak of 1 s is back at 30 ms after 35 idle seconds: 1000 e^(-3.5) = 30.2.
TEST(PeakEwmaTest, APeakOfOneSecondReachesThirtyMillisecondsAfterThirtyFiveIdleSeconds) {
  PeakEwma latency(absl::Seconds(10));
  latency.Observe(absl::Seconds(1), kStart);
  EXPECT_NEAR(Ms(latency.Estimate(kStart + absl::Seconds(35))), 30.2, 0.1);
}

TEST(PeakEwmaTest, ReadingDoesNotStoreTheDecay) {
  PeakEwma latency;
  latency.Observe(absl::Milliseconds(80), kStart);
  const auto once = latency.Estimate(kStart + absl::Seconds(2));
  EXPECT_EQ(latency.Estimate(kStart + absl::Seconds(2)), once);
  EXPECT_NEAR(Ms(once), 80 * std::exp(-2), 1e-3);
}

TEST(PeakEwmaTest, AFailureCostsMoreThanAnySlowAnswerOfItsLength) {
  PeakEwma latency;
  latency.ObserveFailure(absl::Microseconds(50), kStart);
  EXPECT_NEAR(Ms(latency.Estimate(kStart)), 1030, 1e-3);
  latency.ObserveFailure(absl::Milliseconds(500), kStart + absl::Milliseconds(1));
  EXPECT_NEAR(Ms(latency.Estimate(kStart + absl::Milliseconds(1))), 1500, 1e-3);
}

TEST(PeakEwmaTest, AnAbandonedCallOnlyRaisesTheEstimate) {
  PeakEwma latency;
  latency.ObserveAtLeast(absl::Milliseconds(5), kStart);
  EXPECT_NEAR(Ms(latency.Estimate(kStart)), 5, 1e-3);
  latency.ObserveAtLeast(absl::Milliseconds(1), kStart + absl::Milliseconds(100));
  EXPECT_NEAR(Ms(latency.Estimate(kStart)), 5, 1e-3);
  latency.ObserveAtLeast(absl::Seconds(1), kStart + absl::Milliseconds(200));
  EXPECT_NEAR(Ms(latency.Estimate(kStart + absl::Milliseconds(200))), 1000, 1e-2);
}

TEST(PeakEwmaTest, ASampleFromAWorkerWithAnOlderClockReadingDoesNotDecay) {
  PeakEwma latency;
  latency.Observe(absl::Milliseconds(40), kStart);
  latency.Observe(absl::Milliseconds(1), kStart - absl::Milliseconds(3));
  EXPECT_NEAR(Ms(latency.Estimate(kStart - absl::Milliseconds(3))), 40, 1e-3);
}

TEST(PeakEwmaTest, ConcurrentSamplesNeverLoseThePeak) {
  PeakEwma latency;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&latency, worker] {
      for (int i = 0; i < 10'000; ++i) {
        const bool peak = worker == 2 && i == 5'000;
        latency.Observe(absl::Milliseconds(peak ? 500 : 1), kStart);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_NEAR(Ms(latency.Estimate(kStart)), 500, 1e-2);
}

}  // namespace
}  // namespace synod::balancer
