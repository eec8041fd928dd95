// A clock that stands still until it is told to go on.
//
// Thread-safe.
#ifndef SYNOD_TESTS_UNIT_NODE_MANUAL_CLOCK_H_
#define SYNOD_TESTS_UNIT_NODE_MANUAL_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "common/clock.h"

namespace synod::node {

class ManualClock final : public Clock {
 public:
  absl::Duration Monotonic() const override { return absl::Nanoseconds(now_ns_.load()); }
  absl::Time Wall() const override { return absl::UnixEpoch() + Monotonic(); }
  void Advance(absl::Duration step) { now_ns_ += absl::ToInt64Nanoseconds(step); }

 private:
  std::atomic<int64_t> now_ns_{absl::ToInt64Nanoseconds(absl::Hours(1))};
};

}  // namespace synod::node

#endif  // SYNOD_TESTS_UNIT_NODE_MANUAL_CLOCK_H_
