#include "balancer/policies/choose.h"
#include "balancer/policies/policies.h"
#include "balancer/policies/weights.h"

namespace synod::balancer {
namespace {

class LeastRequest final : public Policy {
 public:
  size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) override {
    const Weights weights(candidates);
    const int64_t first = weights.Of(*candidates[0]);
    for (const Backend* backend : candidates) {
      if (weights.Of(*backend) != first) return Draw(candidates, weights, context);
    }
    return ChooseCheapest(candidates, *context.random, [&context](const Backend& backend) {
      return InFlight(backend, context);
    });
  }

 private:
  static uint32_t InFlight(const Backend& backend, const PickContext& context) {
    return backend.stats->of(context.method_class).in_flight.load(std::memory_order_relaxed);
  }

  static size_t Draw(absl::Span<const Backend* const> candidates, const Weights& weights,
                     const PickContext& context) {
    const auto share = [&](size_t i) {
      return static_cast<double>(weights.Of(*candidates[i])) /
             (InFlight(*candidates[i], context) + 1.0);
    };
    // One pass: keeping the i-th with probability share / sum so far draws in proportion.
    double sum = 0;
    size_t chosen = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double current = share(i);
      sum += current;
      if (current > 0 && context.random->Unit() * sum < current) chosen = i;
    }
    return chosen;
  }
};

}  // namespace

std::unique_ptr<Policy> MakeLeastRequest() {
  return std::make_unique<LeastRequest>();
}

}  // namespace synod::balancer
