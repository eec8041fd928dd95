// Weights as a policy reads them: unknown ones count as the mean of the known ones.
#ifndef SYNOD_BALANCER_POLICIES_WEIGHTS_H_
#define SYNOD_BALANCER_POLICIES_WEIGHTS_H_

#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "balancer/view/view.h"

namespace synod::balancer {

// Zero is a weight ("no calls"), not "unknown"; when every known weight is zero, all count as 1.
class Weights {
 public:
  explicit Weights(absl::Span<const Backend* const> candidates) {
    int64_t known = 0;
    for (const Backend* backend : candidates) {
      if (!backend->weight) continue;
      ++known;
      mean_ += *backend->weight;
    }
    all_equal_ = mean_ == 0;
    mean_ = known == 0 ? 1 : std::max<int64_t>(1, mean_ / known);
  }

  int64_t Of(const Backend& backend) const {
    if (all_equal_) return 1;
    return backend.weight ? int64_t{*backend.weight} : mean_;
  }

 private:
  int64_t mean_ = 0;
  bool all_equal_ = false;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_WEIGHTS_H_
