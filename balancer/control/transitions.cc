#include "balancer/control/transitions.h"

#include <string>

#include "balancer/control/settings.h"

namespace synod::balancer {
namespace {

const Backend* Find(const View* view, const std::string& address) {
  if (view == nullptr) return nullptr;
  for (const Backend& backend : view->backends) {
    if (backend.address == address) return &backend;
  }
  return nullptr;
}

std::string LeaderName(const View* view) {
  return view != nullptr && view->leader ? view->backends[*view->leader].name : "";
}

}  // namespace

void LogTransitions(const View* before, const View& after, Log& log) {
  for (const Backend& backend : after.backends) {
    const Backend* old = Find(before, backend.address);
    // Not for a new reason alone: a dead node gives three within a second.
    if (old != nullptr && old->state == backend.state && old->role == backend.role) continue;
    log.Info("backend state")
        .With("backend", backend.name)
        .With("address", backend.address)
        .With("role", BackendRoleName(backend.role))
        .With("state", BackendStateName(backend.state))
        .With("reason", backend.reason);
  }
  if (before == nullptr) return;
  for (const Backend& backend : before->backends) {
    if (Find(&after, backend.address) == nullptr) {
      log.Info("backend gone").With("backend", backend.name).With("address", backend.address);
    }
  }
  if (LeaderName(before) != LeaderName(&after)) {
    log.Info("leader changed")
        .With("leader", LeaderName(&after))
        .With("ballot", after.leader_ballot_round);
  }
  if (before->policy != after.policy || before->write_routing != after.write_routing) {
    log.Info("routing changed")
        .With("policy", after.policy)
        .With("write_routing", WriteRoutingName(after.write_routing));
  }
}

}  // namespace synod::balancer
