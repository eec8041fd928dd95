// Latencies as a log-linear histogram: 128 buckets per power of two, so that every percentile is
// within 0.8 % of the truth, from 1 ns to an hour, in 40 KiB. (The layout of HdrHistogram, which
// Debian has for Go and Java but not for C++.)
//
// Thread-safety: none; one per thread, merged at the end.
#ifndef SYNOD_TESTS_BENCH_HISTOGRAM_H_
#define SYNOD_TESTS_BENCH_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace synod::bench {

class Histogram {
 public:
  Histogram();

  void Add(absl::Duration latency);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  // The smallest latency that at least `share` (0 to 1) of the samples do not exceed, rounded up to
  // its bucket's end; zero when empty.
  absl::Duration Percentile(double share) const;
  absl::Duration Max() const { return max_; }
  absl::Duration Mean() const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  absl::Duration max_;
  absl::Duration sum_;
};

}  // namespace synod::bench

#endif  // SYNOD_TESTS_BENCH_HISTOGRAM_H_
