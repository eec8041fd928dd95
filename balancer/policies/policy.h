// A balancing policy: picks one of the backends that may be picked. Composed, not inherited from:
// eligibility (health, draining, leader, learner) is the router's business, not a policy's.
//
// Each worker has its own instance, which lives as long as the policy stays the same: state that
// must survive a change of the view (positions, current weights) is kept by address, so that an
// update does not send the next call to index 0 again.
//
// Thread-safety: none; one worker owns it. Pure but for its own state: time and randomness come in
// by the context.
#ifndef SYNOD_BALANCER_POLICIES_POLICY_H_
#define SYNOD_BALANCER_POLICIES_POLICY_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "balancer/view/view.h"
#include "common/random.h"

namespace synod::balancer {

struct PickContext {
  MethodClass method_class = MethodClass::kRead;
  absl::Duration now;  // monotonic
  Random* random = nullptr;
};

class Policy {
 public:
  virtual ~Policy() = default;

  // Index into `candidates`. Precondition: not empty; each lives in one View.
  virtual size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) = 0;
};

// InvalidArgument, naming the policies that exist, for an unknown name.
absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(absl::string_view name);

// In the order of the documentation: round_robin, random, weighted, performance, least_request.
std::vector<std::string> PolicyNames();

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_POLICY_H_
