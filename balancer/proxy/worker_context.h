// What the parts of one worker share: its loop, its router, its backends, its counters.
//
// Thread-safety: the counters may be read by any thread; everything else is the worker's alone.
#ifndef SYNOD_BALANCER_PROXY_WORKER_CONTEXT_H_
#define SYNOD_BALANCER_PROXY_WORKER_CONTEXT_H_

#include <atomic>
#include <cstdint>

#include "balancer/policies/replay.h"
#include "balancer/policies/router.h"
#include "balancer/proxy/backend_pool.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/proxy.h"
#include "common/random.h"

namespace synod::balancer {

struct WorkerCounters {
  std::atomic<uint64_t> client_connections{0};
  std::atomic<uint64_t> streams_open{0};
  std::atomic<uint64_t> connections_refused_total{0};
  std::atomic<uint64_t> connections_punished_total{0};
  std::atomic<uint64_t> calls_total{0};
  std::atomic<uint64_t> refusals_total{0};
  std::atomic<uint64_t> replays_total{0};
  std::atomic<uint64_t> retries_total{0};
};

struct WorkerContext {
  const ProxyOptions& options;
  EventLoop& loop;
  Router& router;
  BackendPool& pool;
  WorkerCounters& counters;
  RetryBudget retry_budget;
  Random random;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_WORKER_CONTEXT_H_
