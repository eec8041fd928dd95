// From a call to a backend: which class of method it is, who may serve it, and which of those the
// policy picks. What the data plane asks once per attempt.
//
// Thread-safety: one Router per worker, used by that worker alone.
#ifndef SYNOD_BALANCER_POLICIES_ROUTER_H_
#define SYNOD_BALANCER_POLICIES_ROUTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/policies/policy.h"
#include "balancer/view/view.h"
#include "common/random.h"

namespace synod::balancer {

// By the table of etcd's and Synod's methods (method_table.cc). Unknown paths are kWrite: the
// leader can serve anything.
MethodClass ClassifyMethod(absl::string_view path);

// True for methods that may be sent again after they may have reached a backend: reads that change
// nothing.
bool IsIdempotent(absl::string_view path);

struct Attempt {
  absl::string_view path;                         // /package.Service/Method
  std::vector<std::string> tried_addresses = {};  // by earlier attempts of the same call
  std::string redirect_address = {};              // from a backend's refusal; ignored when unknown
};

struct Route {
  std::shared_ptr<const View> view;  // keeps `backend` alive
  const Backend* backend = nullptr;  // null: refuse the call with `error`
  MethodClass method_class = MethodClass::kRead;
  std::string error;  // for UNAVAILABLE: which backends there are, why none will do, what to do
};

class Router {
 public:
  Router(std::shared_ptr<const View> view, uint64_t seed);

  // Takes effect for the next call of Pick. A new policy name makes a new policy instance.
  void SetView(std::shared_ptr<const View> view);

  // Who may serve: ready backends that this call has not tried; voters only, never a drained
  // one. Fewer than MinimumInUse ready: ejected ones are used again. None of these: whoever is cut
  // off from its quorum, except for writes, so that reads which allow staleness still get an
  // answer. Who does: for writes (unless routed by policy) and for calls about one member the
  // leader when it may serve; without it, the first by address for the latter; else the policy's
  // choice. In generic mode every call is a kRead.
  Route Pick(const Attempt& attempt, absl::Duration now);

  const View& view() const { return *view_; }

 private:
  void FindCandidates(const Attempt& attempt, MethodClass method_class);
  const Backend* Choose(const Attempt& attempt, const PickContext& context);

  std::shared_ptr<const View> view_;
  std::string policy_name_;
  std::unique_ptr<Policy> policy_;
  Random random_;
  std::vector<const Backend*> candidates_;  // reused between picks
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_ROUTER_H_
