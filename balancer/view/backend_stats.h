// What the data plane measures about one backend, shared by all workers and every view that holds
// the backend. Survives view changes, so that a new view does not forget.
//
// The data plane writes through ActiveCall alone: one per attempt, from the pick to its end.
//
// Thread-safety: all members are relaxed atomics; readers accept slightly torn pictures.
#ifndef SYNOD_BALANCER_VIEW_BACKEND_STATS_H_
#define SYNOD_BALANCER_VIEW_BACKEND_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "balancer/view/peak_ewma.h"

namespace synod::balancer {

// Latency of a put says nothing about a get: one estimate each. Streams have no latency, and what
// they hold open says nothing about calls.
enum class MethodClass : uint8_t { kRead, kWrite, kStream, kMember };
inline constexpr int kMethodClasses = 4;

struct ClassStats {
  std::atomic<uint32_t> in_flight{0};
  PeakEwma latency;  // from the pick to the first response header

  // Of the calls in flight, those without a response header yet: how many (high 16 bits) and the
  // sum of their start times in milliseconds (low 48), in one word so that no reader sees one
  // without the other. Their mean age shows a hang before any call completes (the idea of nginx'
  // `inflight`).
  std::atomic<uint64_t> waiting{0};

  // Of the waiting calls; zero when none waits, at most kMaxMeanWait, rounded down.
  static constexpr absl::Duration kMaxMeanWait = absl::Seconds(5);
  absl::Duration MeanWait(absl::Duration now) const;
};

struct BackendStats {
  std::array<ClassStats, kMethodClasses> by_class;
  std::atomic<uint64_t> calls_total{0};
  std::atomic<uint64_t> failures_total{0};

  // Failures since the last success. Drives ejection.
  std::atomic<uint32_t> consecutive_failures{0};

  const ClassStats& of(MethodClass method_class) const {
    return by_class[static_cast<size_t>(method_class)];
  }
  ClassStats& of(MethodClass method_class) { return by_class[static_cast<size_t>(method_class)]; }

  uint32_t in_flight() const;  // of all classes
};

enum class CallResult : uint8_t {
  kAnswered,   // any grpc-status that the backend meant: NOT_FOUND is an answer, too
  kFailed,     // UNAVAILABLE, INTERNAL, a reset, a connection refused or lost
  kCancelled,  // the client went away or its deadline passed, or nobody could have answered
};

// One attempt at one backend. Destroying it before Finish means kCancelled at the last time told.
// Thread-safety: one owner, which may differ from other calls' owners.
class ActiveCall {
 public:
  ActiveCall() = default;
  // Counts the call in; `now` is monotonic time.
  ActiveCall(std::shared_ptr<BackendStats> stats, MethodClass method_class, absl::Duration now);
  ActiveCall(ActiveCall&& other) noexcept;
  ActiveCall& operator=(ActiveCall&& other) noexcept;
  ~ActiveCall();

  // The first response header, unless it is the whole answer (trailers-only): then Finish is
  // enough.
  void ResponseStarted(absl::Duration now);

  // Counts the call out, once; later calls do nothing.
  void Finish(CallResult result, absl::Duration now);

 private:
  void StopWaiting();

  std::shared_ptr<BackendStats> stats_;  // null: finished or moved from
  MethodClass method_class_ = MethodClass::kRead;
  bool waiting_ = false;
  absl::Duration started_;
  absl::Duration latest_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_VIEW_BACKEND_STATS_H_
