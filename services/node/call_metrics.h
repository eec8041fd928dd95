// Client calls by method: how many, how they ended, how long they took.
//
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_SERVICES_NODE_CALL_METRICS_H_
#define SYNOD_SERVICES_NODE_CALL_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "services/rpc/call_observer.h"

namespace synod::node {

class CallMetrics final : public rpc::CallObserver {
 public:
  // The registry outlives the object.
  explicit CallMetrics(prometheus::Registry& registry);

  void Started(rpc::Method method) override;
  void Finished(rpc::Method method, absl::StatusCode code, absl::Duration latency) override;

  uint64_t finished_total() const { return finished_.load(std::memory_order_relaxed); }
  // Those that the node, not the client, is to blame for.
  uint64_t errors_total() const { return errors_.load(std::memory_order_relaxed); }
  uint32_t in_flight() const;

 private:
  struct OneMethod {
    prometheus::Counter* succeeded = nullptr;
    prometheus::Histogram* seconds = nullptr;
  };

  prometheus::Family<prometheus::Counter>& calls_;
  std::array<OneMethod, rpc::kMethodCount> methods_;
  std::atomic<uint64_t> started_{0};
  std::atomic<uint64_t> finished_{0};
  std::atomic<uint64_t> errors_{0};
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_CALL_METRICS_H_
