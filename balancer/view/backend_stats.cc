#include "balancer/view/backend_stats.h"

#include <algorithm>
#include <utility>

namespace synod::balancer {

namespace {

constexpr int kSumBits = 48;

// What one call adds to ClassStats::waiting. Adding and subtracting it are exact inverses even when
// the sum overflows, so a wrong reading never outlives its calls.
uint64_t WaitingWord(absl::Duration started) {
  return (uint64_t{1} << kSumBits) + static_cast<uint64_t>(absl::ToInt64Milliseconds(started));
}

}  // namespace

absl::Duration ClassStats::MeanWait(absl::Duration now) const {
  const uint64_t word = waiting.load(std::memory_order_relaxed);
  const uint64_t count = word >> kSumBits;
  if (count == 0) return absl::ZeroDuration();
  const uint64_t mean_start_ms = (word & ((uint64_t{1} << kSumBits) - 1)) / count;
  // Start times were rounded down, by up to a tick; take one off, or healthy calls look slow.
  const absl::Duration age = now - absl::Milliseconds(mean_start_ms + 1);
  return std::clamp(age, absl::ZeroDuration(), kMaxMeanWait);
}

uint32_t BackendStats::in_flight() const {
  uint32_t total = 0;
  for (const ClassStats& stats : by_class) total += stats.in_flight.load(std::memory_order_relaxed);
  return total;
}

ActiveCall::ActiveCall(std::shared_ptr<BackendStats> stats, MethodClass method_class,
                       absl::Duration now)
    : stats_(std::move(stats)),
      method_class_(method_class),
      waiting_(true),
      started_(now),
      latest_(now) {
  ClassStats& counts = stats_->of(method_class_);
  stats_->calls_total.fetch_add(1, std::memory_order_relaxed);
  counts.in_flight.fetch_add(1, std::memory_order_relaxed);
  counts.waiting.fetch_add(WaitingWord(started_), std::memory_order_relaxed);
}

ActiveCall::ActiveCall(ActiveCall&& other) noexcept {
  *this = std::move(other);
}

ActiveCall& ActiveCall::operator=(ActiveCall&& other) noexcept {
  if (this == &other) return *this;
  Finish(CallResult::kCancelled, latest_);
  stats_ = std::exchange(other.stats_, nullptr);
  method_class_ = other.method_class_;
  waiting_ = other.waiting_;
  started_ = other.started_;
  latest_ = other.latest_;
  return *this;
}

ActiveCall::~ActiveCall() {
  Finish(CallResult::kCancelled, latest_);
}

void ActiveCall::ResponseStarted(absl::Duration now) {
  latest_ = now;
  if (!stats_ || !waiting_) return;
  StopWaiting();
  stats_->of(method_class_).latency.Observe(now - started_, now);
}

void ActiveCall::Finish(CallResult result, absl::Duration now) {
  if (!stats_) return;
  ClassStats& counts = stats_->of(method_class_);
  const absl::Duration elapsed = now - started_;
  switch (result) {
    case CallResult::kAnswered:
      if (waiting_) counts.latency.Observe(elapsed, now);
      stats_->consecutive_failures.store(0, std::memory_order_relaxed);
      break;
    case CallResult::kFailed:
      counts.latency.ObserveFailure(elapsed, now);
      stats_->failures_total.fetch_add(1, std::memory_order_relaxed);
      stats_->consecutive_failures.fetch_add(1, std::memory_order_relaxed);
      break;
    case CallResult::kCancelled:
      if (waiting_) counts.latency.ObserveAtLeast(elapsed, now);
      break;
  }
  if (waiting_) StopWaiting();
  counts.in_flight.fetch_sub(1, std::memory_order_relaxed);
  stats_.reset();
}

void ActiveCall::StopWaiting() {
  waiting_ = false;
  stats_->of(method_class_).waiting.fetch_sub(WaitingWord(started_), std::memory_order_relaxed);
}

}  // namespace synod::balancer
