#include <algorithm>

#include "balancer/policies/choose.h"
#include "balancer/policies/policies.h"

namespace synod::balancer {
namespace {

// What a call to a backend that is being measured for the first time may cost.
constexpr absl::Duration kNoHistoryPenalty = absl::Seconds(60);

// Below this, latencies are noise: such backends count as equally fast.
constexpr absl::Duration kFastest = absl::Microseconds(10);

double Cost(const Backend& backend, const PickContext& context) {
  const ClassStats& stats = backend.stats->of(context.method_class);
  const double in_flight = stats.in_flight.load(std::memory_order_relaxed);
  if (context.method_class == MethodClass::kStream) return in_flight;
  const auto estimate = stats.latency.Estimate(context.now);
  if (!estimate) {
    return in_flight == 0 ? 0 : absl::ToDoubleMicroseconds(kNoHistoryPenalty) * in_flight;
  }
  const absl::Duration latency = std::max({*estimate, stats.MeanWait(context.now), kFastest});
  return absl::ToDoubleMicroseconds(latency) * (in_flight + 1);
}

class Performance final : public Policy {
 public:
  size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) override {
    return ChooseCheapest(candidates, *context.random,
                          [&context](const Backend& backend) { return Cost(backend, context); });
  }
};

}  // namespace

std::unique_ptr<Policy> MakePerformance() {
  return std::make_unique<Performance>();
}

}  // namespace synod::balancer
