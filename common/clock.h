// Time as an injected dependency: production reads the system, tests and the simulator set it.
#ifndef SYNOD_COMMON_CLOCK_H_
#define SYNOD_COMMON_CLOCK_H_

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace synod {

// Thread-safety: implementations are safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since an arbitrary origin; never goes back. For timeouts, latencies and intervals.
  virtual absl::Duration Monotonic() const = 0;

  // Wall-clock time; may jump. For what people read and for nothing that safety rests on.
  virtual absl::Time Wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Duration Monotonic() const override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
  absl::Time Wall() const override { return absl::Now(); }
};

}  // namespace synod

#endif  // SYNOD_COMMON_CLOCK_H_
