// What the data plane measures about one backend, shared by all workers and every view that holds
// the backend. Survives view changes, so that a new view does not forget.
//
// Thread-safety: all members are relaxed atomics; readers accept slightly torn pictures.
#ifndef SYNOD_BALANCER_VIEW_BACKEND_STATS_H_
#define SYNOD_BALANCER_VIEW_BACKEND_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "balancer/view/peak_ewma.h"

namespace synod::balancer {

// Latency of a put says nothing about a get: one estimate each. Streams have no latency.
enum class MethodClass : uint8_t { kRead, kWrite, kStream, kMember };
inline constexpr int kMethodClasses = 4;

struct BackendStats {
  std::atomic<uint32_t> in_flight{0};
  std::atomic<uint64_t> calls_total{0};
  std::atomic<uint64_t> failures_total{0};

  // Since the last success: calls that ended in UNAVAILABLE, INTERNAL, a reset or a refused
  // connection. Drives ejection.
  std::atomic<uint32_t> consecutive_failures{0};

  // Fed at the end of calls and read at picks; see peak_ewma.h.
  std::array<PeakEwma, kMethodClasses> latency;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_VIEW_BACKEND_STATS_H_
