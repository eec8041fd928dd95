#include <algorithm>
#include <array>
#include <utility>

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
    int64_t total = 0;
    bool changed = false;
    for (const Backend* candidate : candidates) {
      const int64_t weight = weights.Of(*candidate);
      State* state = states.Find(*candidate);
      if (state == nullptr) state = &states.Insert(*candidate, {});
      changed |= std::exchange(state->weight, weight) != weight;
      total += weight;
    }
    State* best = nullptr;
    size_t best_index = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      State* state = states.Find(*candidates[i]);
      if (state->weight == 0) continue;
      // Credit and debt outlive a change, or at few picks per change the heaviest would win them
      // all; but they are worth no more than one window of the new weights.
      if (changed) state->current = std::clamp(state->current, -total, total);
      state->current += state->weight;
      if (best != nullptr && state->current <= best->current) continue;
      best = state;
      best_index = i;
    }
    best->current -= total;
    return best_index;
  }

 private:
  struct State {
    int64_t weight = 0;
    int64_t current = 0;
  };
  using States = ByAddress<State>;

  std::array<States, kMethodClasses> states_;
};

}  // namespace

std::unique_ptr<Policy> MakeWeighted() {
  return std::make_unique<Weighted>();
}

}  // namespace synod::balancer
