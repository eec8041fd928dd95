#include "balancer/policies/router.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"

namespace synod::balancer {
namespace {

bool Tried(const Attempt& attempt, const Backend& backend) {
  const auto& tried = attempt.tried_addresses;
  return std::find(tried.begin(), tried.end(), backend.address) != tried.end();
}

std::string Describe(const Backend& backend, const Attempt& attempt) {
  std::string text = backend.name == backend.address
                         ? backend.address
                         : absl::StrCat(backend.name, " (", backend.address, ")");
  absl::StrAppend(&text, " ", BackendStateName(backend.state));
  if (backend.role != BackendRole::kVoter) {
    absl::StrAppend(&text, " ", BackendRoleName(backend.role));
  }
  if (!backend.reason.empty()) absl::StrAppend(&text, ": ", backend.reason);
  if (Tried(attempt, backend)) absl::StrAppend(&text, ", tried by this call");
  return text;
}

absl::string_view Advice(const View& view, MethodClass method_class) {
  if (view.backends.empty()) return "check --backends, and that its name resolves";
  const auto any = [&view](auto matches) {
    return std::any_of(view.backends.begin(), view.backends.end(), matches);
  };
  if (method_class == MethodClass::kWrite && any([](const auto& b) { return b.last_resort; })) {
    return "too few nodes are in contact to agree on a write; start the missing ones";
  }
  if (any([](const auto& b) { return b.state == BackendState::kDraining; })) {
    return "start the missing nodes, or undrain one: synodctl lb undrain NAME";
  }
  return "check that the nodes run and that the balancer reaches them";
}

std::string Refusal(const View& view, const Attempt& attempt, MethodClass method_class) {
  std::vector<std::string> each;
  for (const Backend& backend : view.backends) each.push_back(Describe(backend, attempt));
  return absl::StrCat("no backend can take ", attempt.path, ": ",
                      each.empty() ? "none is known" : absl::StrJoin(each, "; "), "; ",
                      Advice(view, method_class));
}

}  // namespace

Router::Router(std::shared_ptr<const View> view, uint64_t seed) : random_(seed) {
  SetView(std::move(view));
}

void Router::SetView(std::shared_ptr<const View> view) {
  view_ = std::move(view);
  candidates_.clear();
  if (policy_ != nullptr && policy_name_ == view_->policy) return;
  auto policy = MakePolicy(view_->policy);
  SYNOD_CHECK(policy.ok()) << policy.status().ToString();
  policy_ = *std::move(policy);
  policy_name_ = view_->policy;
}

Route Router::Pick(const Attempt& attempt, absl::Duration now) {
  Route route;
  route.view = view_;
  route.method_class = view_->generic ? MethodClass::kRead : ClassifyMethod(attempt.path);
  FindCandidates(attempt, route.method_class);
  if (candidates_.empty()) {
    route.error = Refusal(*view_, attempt, route.method_class);
  } else {
    route.backend = Choose(attempt, {route.method_class, now, &random_});
  }
  return route;
}

// In tiers, the first that is not empty: ready backends, with the ejected ones while fewer than the
// minimum are ready; ejected ones; and, but for writes, those that can at best serve stale reads.
void Router::FindCandidates(const Attempt& attempt, MethodClass method_class) {
  size_t ready = 0;
  for (const Backend& backend : view_->backends) {
    ready += backend.role == BackendRole::kVoter && backend.state == BackendState::kReady;
  }
  const bool panic = ready < MinimumInUse(*view_);
  const auto collect = [&](auto usable) {
    for (const Backend& backend : view_->backends) {
      if (backend.role == BackendRole::kVoter && usable(backend) && !Tried(attempt, backend)) {
        candidates_.push_back(&backend);
      }
    }
    return !candidates_.empty();
  };
  candidates_.clear();
  if (collect([panic](const Backend& backend) {
        return backend.state == BackendState::kReady ||
               (panic && backend.state == BackendState::kEjected);
      })) {
    return;
  }
  if (collect([](const Backend& b) { return b.state == BackendState::kEjected; })) return;
  if (method_class == MethodClass::kWrite) return;
  collect([](const Backend& b) { return b.last_resort && b.state == BackendState::kUnhealthy; });
}

// Precondition: there are candidates.
const Backend* Router::Choose(const Attempt& attempt, const PickContext& context) {
  if (!attempt.redirect_address.empty()) {
    for (const Backend* candidate : candidates_) {
      if (candidate->address == attempt.redirect_address) return candidate;
    }
  }
  const bool to_leader = context.method_class == MethodClass::kMember ||
                         (context.method_class == MethodClass::kWrite &&
                          view_->write_routing == WriteRouting::kLeader);
  if (to_leader && view_->leader) {
    const Backend* leader = &view_->backends[*view_->leader];
    if (std::count(candidates_.begin(), candidates_.end(), leader) != 0) return leader;
  }
  // Without a leader, calls about one member still go to the same one each time.
  if (candidates_.size() == 1 || context.method_class == MethodClass::kMember) {
    return candidates_.front();
  }
  return candidates_[policy_->Pick(candidates_, context)];
}

}  // namespace synod::balancer
