// How long a thread has been at one piece of its work: where a disk that hangs, or is full, shows.
//
// Thread-safety: Begin and End from the thread; Age from any.
#ifndef SYNOD_SERVICES_NODE_STALL_METER_H_
#define SYNOD_SERVICES_NODE_STALL_METER_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "common/clock.h"

namespace synod::node {

class StallMeter {
 public:
  // The clock outlives the meter, which begins idle.
  explicit StallMeter(const Clock* clock) : clock_(clock) {}

  // Another piece begins; the one before, if any, is done.
  void Begin() { since_ns_.store(Now(), std::memory_order_relaxed); }

  // There is nothing to do.
  void End() { since_ns_.store(kIdle, std::memory_order_relaxed); }

  // Zero when idle.
  absl::Duration Age() const {
    const int64_t since = since_ns_.load(std::memory_order_relaxed);
    return since == kIdle ? absl::ZeroDuration() : absl::Nanoseconds(Now() - since);
  }

 private:
  static constexpr int64_t kIdle = -1;

  int64_t Now() const { return absl::ToInt64Nanoseconds(clock_->Monotonic()); }

  const Clock* const clock_;
  std::atomic<int64_t> since_ns_{kIdle};
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_STALL_METER_H_
