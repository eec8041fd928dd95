#include "tests/bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/random.h"

namespace synod::bench {
namespace {

TEST(HistogramTest, PercentilesAreWithinOnePercentOfASortedList) {
  Random random(1);
  Histogram histogram;
  std::vector<absl::Duration> all;
  for (int i = 0; i < 20'000; ++i) {
    const auto latency = absl::Nanoseconds(
        static_cast<int64_t>(random.Between(1, uint64_t{1} << random.Between(1, 40))));
    histogram.Add(latency);
    all.push_back(latency);
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto rank = static_cast<size_t>(share * static_cast<double>(all.size())) - 1;
    const double error = absl::FDivDuration(histogram.Percentile(share), all[rank]) - 1;
    EXPECT_GE(error, 0) << share;
    EXPECT_LE(error, 0.01) << share;
  }
  EXPECT_EQ(histogram.Max(), all.back());
}

TEST(HistogramTest, MergingIsAddingEverySample) {
  Histogram a;
  Histogram b;
  a.Add(absl::Milliseconds(1));
  b.Add(absl::Milliseconds(3));
  a.Merge(b);
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(a.Max(), absl::Milliseconds(3));
  EXPECT_EQ(a.Mean(), absl::Milliseconds(2));
}

TEST(HistogramTest, EmptyIsZero) {
  EXPECT_EQ(Histogram().Percentile(0.99), absl::ZeroDuration());
  EXPECT_EQ(Histogram().Mean(), absl::ZeroDuration());
}

}  // namespace
}  // namespace synod::bench
