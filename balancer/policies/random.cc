#include "balancer/policies/policies.h"

namespace synod::balancer {
namespace {

class RandomPolicy final : public Policy {
 public:
  size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) override {
    return context.random->Below(candidates.size());
  }
};

}  // namespace

std::unique_ptr<Policy> MakeRandom() {
  return std::make_unique<RandomPolicy>();
}

}  // namespace synod::balancer
