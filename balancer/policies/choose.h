// Choosing the cheapest candidate, as performance and least_request do it.
#ifndef SYNOD_BALANCER_POLICIES_CHOOSE_H_
#define SYNOD_BALANCER_POLICIES_CHOOSE_H_

#include <cstddef>

#include "balancer/policies/policy.h"

namespace synod::balancer {

// Up to this many candidates a full scan is cheaper and better than two draws.
inline constexpr size_t kFullScanLimit = 5;

// Index of the candidate with the lowest cost(candidate). Up to kFullScanLimit candidates all are
// compared and ties broken at random; above, two distinct ones are drawn (power of two choices),
// so that many balancers do not all run to the same best one.
template <class Cost>
size_t ChooseCheapest(absl::Span<const Backend* const> candidates, Random& random, Cost cost) {
  const size_t count = candidates.size();
  if (count > kFullScanLimit) {
    const size_t first = random.Below(count);
    const size_t second = (first + 1 + random.Below(count - 1)) % count;
    return cost(*candidates[second]) < cost(*candidates[first]) ? second : first;
  }
  size_t best = 0;
  auto best_cost = cost(*candidates[0]);
  size_t ties = 1;
  for (size_t i = 1; i < count; ++i) {
    const auto current = cost(*candidates[i]);
    if (current < best_cost) {
      best = i;
      best_cost = current;
      ties = 1;
    } else if (current == best_cost && random.Below(++ties) == 0) {
      best = i;  // Each of k tied candidates ends up chosen with probability 1/k.
    }
  }
  return best;
}

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_CHOOSE_H_
