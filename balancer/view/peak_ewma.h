// Peak-EWMA: a latency estimate that believes bad news at once and good news slowly.
//
// A sample above the estimate replaces it; one below moves it by the share 1 - e^(-dt/tau). Reading
// observes a sample of zero without storing it, so that an estimate nobody feeds decays: a backend
// that was slow gets cheap again, is probed by one call, and either recovers or jumps back up.
// Source: Finagle's PeakEwma and tower's load::PeakEwma, which differ in tau (10 s and 1 s). We
// take 1 s: a replica that was 20 ms slow among 0.5 ms ones is probed again after 3.7 s instead of
// 37 s.
//
// What it is not: a cost. The performance policy multiplies by the calls in flight.
//
// Thread-safety: all members may be called by any number of threads. The whole state is one 64-bit
// word changed by compare-and-swap. Time has a resolution of 1 ms: of several ordinary samples
// within one, the first carries the weight of all; peaks are never lost.
#ifndef SYNOD_BALANCER_VIEW_PEAK_EWMA_H_
#define SYNOD_BALANCER_VIEW_PEAK_EWMA_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace synod::balancer {

class PeakEwma {
 public:
  static constexpr absl::Duration kDefaultTau = absl::Seconds(1);
  // What a failure costs at least, so that a backend that fails fast does not look fast:
  // max(latency, kFailureFloor) + kFailurePenalty.
  static constexpr absl::Duration kFailureFloor = absl::Milliseconds(30);
  static constexpr absl::Duration kFailurePenalty = absl::Seconds(1);

  explicit PeakEwma(absl::Duration tau = kDefaultTau) : tau_(tau) {}

  // A call that the backend answered. `now` is monotonic time.
  void Observe(absl::Duration latency, absl::Duration now);

  // A call that failed by the backend's fault.
  void ObserveFailure(absl::Duration latency, absl::Duration now);

  // A call that ended before its answer, by the client's wish: its answer would have taken at least
  // `elapsed`, so this can only raise the estimate.
  void ObserveAtLeast(absl::Duration elapsed, absl::Duration now);

  // Decayed to `now`; nullopt before the first sample.
  std::optional<absl::Duration> Estimate(absl::Duration now) const;

 private:
  absl::Duration tau_;
  std::atomic<uint64_t> state_{0};  // float microseconds | uint32 milliseconds; 0: no history
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_VIEW_PEAK_EWMA_H_
