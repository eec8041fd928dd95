#include "balancer/view/view.h"

namespace synod::balancer {

absl::string_view BackendStateName(BackendState state) {
  switch (state) {
    case BackendState::kReady:
      return "ready";
    case BackendState::kConnecting:
      return "connecting";
    case BackendState::kUnhealthy:
      return "unhealthy";
    case BackendState::kDraining:
      return "draining";
    case BackendState::kEjected:
      return "ejected";
  }
  return "unknown";
}

absl::string_view BackendRoleName(BackendRole role) {
  switch (role) {
    case BackendRole::kVoter:
      return "voter";
    case BackendRole::kLearner:
      return "learner";
    case BackendRole::kStranger:
      return "stranger";
  }
  return "unknown";
}

size_t MinimumInUse(const View& view) {
  size_t voters = 0;
  for (const Backend& backend : view.backends) voters += backend.role == BackendRole::kVoter;
  return view.generic ? (voters + 1) / 2 : voters / 2 + 1;
}

}  // namespace synod::balancer
