#include <algorithm>
#include <array>
#include <limits>

#include "balancer/policies/by_address.h"
#include "balancer/policies/policies.h"
#include "balancer/policies/weights.h"

namespace synod::balancer {
namespace {

class Weighted final : public Policy {
 public:
  size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) override {
    States& states = states_[static_cast<size_t>(context.method_class)];
    states.Prune(candidates);
    const Weights weights(candidates);
    if (WeightsChanged(states, candidates, weights)) states.Clear();
    int64_t total = 0;
    size_t best = 0;
    int64_t best_current = std::numeric_limits<int64_t>::min();
    for (size_t i = 0; i < candidates.size(); ++i) {
      const int64_t weight = weights.Of(*candidates[i]);
      if (weight == 0) continue;
      total += weight;
      State* state = states.Find(*candidates[i]);
      if (state == nullptr) state = &states.Insert(*candidates[i], {weight, 0});
      const int64_t current = state->current += weight;
      if (current > best_current) {
        best = i;
        best_current = current;
      }
    }
    states.Find(*candidates[best])->current -= total;
    return best;
  }

 private:
  struct State {
    int64_t weight = 0;
    int64_t current = 0;
  };
  using States = ByAddress<State>;

  // New weights start anew: credit or debt of the old scale could starve a backend for long.
  static bool WeightsChanged(States& states, absl::Span<const Backend* const> candidates,
                             const Weights& weights) {
    return std::any_of(candidates.begin(), candidates.end(), [&](const Backend* backend) {
      const State* state = states.Find(*backend);
      return state != nullptr && state->weight != weights.Of(*backend);
    });
  }

  std::array<States, kMethodClasses> states_;
};

}  // namespace

std::unique_ptr<Policy> MakeWeighted() {
  return std::make_unique<Weighted>();
}

}  // namespace synod::balancer
