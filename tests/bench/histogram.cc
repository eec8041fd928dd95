#include "tests/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace synod::bench {
namespace {

constexpr int kSubBits = 7;  // 128 buckets per power of two
constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBits;
constexpr int kPowers = 42 - kSubBits;  // up to 2^42 ns, 73 minutes

size_t BucketOf(uint64_t nanoseconds) {
  if (nanoseconds < kSubBuckets) return nanoseconds;
  const int power = std::bit_width(nanoseconds) - kSubBits - 1;
  const uint64_t sub = nanoseconds >> power;  // kSubBuckets .. 2*kSubBuckets-1
  return static_cast<size_t>(power) * kSubBuckets + sub;
}

uint64_t EndOf(size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const size_t power = bucket / kSubBuckets - 1;
  const uint64_t sub = bucket - power * kSubBuckets;
  return ((sub + 1) << power) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_((kPowers + 2) * kSubBuckets) {}

void Histogram::Add(absl::Duration latency) {
  const int64_t nanoseconds = std::max<int64_t>(absl::ToInt64Nanoseconds(latency), 0);
  const size_t bucket = std::min(BucketOf(static_cast<uint64_t>(nanoseconds)), buckets_.size() - 1);
  ++buckets_[bucket];
  ++count_;
  sum_ += latency;
  max_ = std::max(max_, latency);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

absl::Duration Histogram::Percentile(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) {
      return std::min(absl::Nanoseconds(static_cast<int64_t>(EndOf(i))), max_);
    }
  }
  return max_;
}

absl::Duration Histogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration() : sum_ / static_cast<int64_t>(count_);
}

}  // namespace synod::bench
