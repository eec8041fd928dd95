#include "balancer/view/backend_stats.h"

#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

using enum MethodClass;

constexpr absl::Duration kStart = absl::Hours(24 * 100);  // a machine up for long

class ActiveCallTest : public ::testing::Test {
 protected:
  ActiveCall Call(MethodClass method_class = kRead, absl::Duration now = kStart) {
    return ActiveCall(stats_, method_class, now);
  }
  double EstimateMs(MethodClass method_class, absl::Duration now) {
    const auto estimate = stats_->of(method_class).latency.Estimate(now);
    return estimate ? absl::ToDoubleMilliseconds(*estimate) : -1;
  }

  std::shared_ptr<BackendStats> stats_ = std::make_shared<BackendStats>();
};

TEST_F(ActiveCallTest, CountsInAndOutByClass) {
  ActiveCall read = Call(kRead);
  ActiveCall stream = Call(kStream);
  EXPECT_EQ(stats_->in_flight(), 2);
  EXPECT_EQ(stats_->of(kRead).in_flight, 1);
  read.Finish(CallResult::kAnswered, kStart + absl::Milliseconds(2));
  read.Finish(CallResult::kFailed, kStart + absl::Milliseconds(3));  // Too late to count.
  EXPECT_EQ(stats_->in_flight(), 1);
  EXPECT_EQ(stats_->calls_total, 2);
  EXPECT_EQ(stats_->failures_total, 0);
  EXPECT_NEAR(EstimateMs(kRead, kStart + absl::Milliseconds(2)), 2, 1e-3);
  EXPECT_EQ(EstimateMs(kWrite, kStart), -1);
}

TEST_F(ActiveCallTest, LatencyEndsWithTheFirstResponseHeader) {
  ActiveCall call = Call();
  call.ResponseStarted(kStart + absl::Milliseconds(4));
  call.Finish(CallResult::kAnswered, kStart + absl::Seconds(60));
  EXPECT_NEAR(EstimateMs(kRead, kStart + absl::Milliseconds(4)), 4, 1e-3);
  EXPECT_EQ(stats_->in_flight(), 0);
}

TEST_F(ActiveCallTest, FailuresAddUpUntilAnAnswer) {
  for (int i = 0; i < 3; ++i) Call().Finish(CallResult::kFailed, kStart);
  EXPECT_EQ(stats_->consecutive_failures, 3);
  EXPECT_GT(EstimateMs(kRead, kStart), 1000);
  Call().Finish(CallResult::kCancelled, kStart);
  EXPECT_EQ(stats_->consecutive_failures, 3);
  Call().Finish(CallResult::kAnswered, kStart);
  EXPECT_EQ(stats_->consecutive_failures, 0);
  EXPECT_EQ(stats_->failures_total, 3);
}

TEST_F(ActiveCallTest, AnAbandonedHangRaisesTheEstimate) {
  Call().Finish(CallResult::kAnswered, kStart + absl::Milliseconds(1));
  Call().Finish(CallResult::kCancelled, kStart + absl::Seconds(1));
  EXPECT_NEAR(EstimateMs(kRead, kStart + absl::Seconds(1)), 1000, 1);
}

TEST_F(ActiveCallTest, ADroppedOrReplacedCallCountsOut) {
  {
    ActiveCall first = Call();
    ActiveCall second = std::move(first);
    second = Call(kWrite);
    EXPECT_EQ(stats_->in_flight(), 1);
  }
  EXPECT_EQ(stats_->in_flight(), 0);
  EXPECT_EQ(stats_->of(kRead).waiting, 0);
  EXPECT_EQ(stats_->of(kWrite).waiting, 0);
}

TEST_F(ActiveCallTest, MeanWaitShowsAHangBeforeAnyCallCompletes) {
  const ClassStats& reads = stats_->of(kRead);
  EXPECT_EQ(reads.MeanWait(kStart), absl::ZeroDuration());
  ActiveCall first = Call(kRead, kStart);
  ActiveCall second = Call(kRead, kStart + absl::Milliseconds(100));
  const absl::Duration now = kStart + absl::Milliseconds(300);
  EXPECT_EQ(reads.MeanWait(now), absl::Milliseconds(249));
  first.ResponseStarted(now);
  EXPECT_EQ(reads.MeanWait(now), absl::Milliseconds(199));
  EXPECT_EQ(reads.MeanWait(now + absl::Hours(1)), ClassStats::kMaxMeanWait);
}

}  // namespace
}  // namespace synod::balancer
