#include "balancer/view/peak_ewma.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace synod::balancer {
namespace {

struct Sample {
  float microseconds = 0;
  uint32_t at_ms = 0;
};

// Never zero for a sample, which is what tells "no history" from "very fast".
uint64_t Pack(Sample sample) {
  const float value = std::max(sample.microseconds, 1e-3f);
  return static_cast<uint64_t>(std::bit_cast<uint32_t>(value)) << 32 | sample.at_ms;
}

Sample Unpack(uint64_t word) {
  return {std::bit_cast<float>(static_cast<uint32_t>(word >> 32)), static_cast<uint32_t>(word)};
}

uint32_t Ticks(absl::Duration now) {
  return static_cast<uint32_t>(absl::ToInt64Milliseconds(now));
}

// How much of the old estimate is left. Ticks wrap around after 50 days, so the difference is what
// counts; a worker whose clock reading is a little older than the last sample sees no decay.
float Retained(Sample last, uint32_t now_ms, absl::Duration tau) {
  const auto age_ms = static_cast<int32_t>(now_ms - last.at_ms);
  if (age_ms <= 0) return 1;
  return static_cast<float>(std::exp(-age_ms / absl::ToDoubleMilliseconds(tau)));
}

float Microseconds(absl::Duration latency) {
  return static_cast<float>(absl::ToDoubleMicroseconds(std::max(latency, absl::ZeroDuration())));
}

}  // namespace

void PeakEwma::Observe(absl::Duration latency, absl::Duration now) {
  const float value = Microseconds(latency);
  const uint32_t now_ms = Ticks(now);
  uint64_t word = state_.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    const Sample last = Unpack(word);
    if (word == 0 || value > last.microseconds) {
      next = Pack({value, now_ms});
    } else {
      const float retained = Retained(last, now_ms, tau_);
      if (retained == 1) return;  // Within the tick of the last sample: carries no weight.
      next = Pack({last.microseconds * retained + value * (1 - retained), now_ms});
    }
  } while (!state_.compare_exchange_weak(word, next, std::memory_order_relaxed));
}

void PeakEwma::ObserveFailure(absl::Duration latency, absl::Duration now) {
  Observe(std::max(latency, kFailureFloor) + kFailurePenalty, now);
}

void PeakEwma::ObserveAtLeast(absl::Duration elapsed, absl::Duration now) {
  const auto estimate = Estimate(now);
  if (!estimate || elapsed > *estimate) Observe(elapsed, now);
}

std::optional<absl::Duration> PeakEwma::Estimate(absl::Duration now) const {
  const uint64_t word = state_.load(std::memory_order_relaxed);
  if (word == 0) return std::nullopt;
  const Sample last = Unpack(word);
  return absl::Microseconds(
      static_cast<double>(last.microseconds * Retained(last, Ticks(now), tau_)));
}

}  // namespace synod::balancer
