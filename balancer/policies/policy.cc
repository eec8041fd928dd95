#include "balancer/policies/policy.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "balancer/policies/policies.h"

namespace synod::balancer {
namespace {

struct Entry {
  absl::string_view name;
  std::unique_ptr<Policy> (*make)();
};

constexpr Entry kPolicies[] = {
    {"round_robin", MakeRoundRobin},     {"random", MakeRandom},
    {"weighted", MakeWeighted},          {"performance", MakePerformance},
    {"least_request", MakeLeastRequest},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(absl::string_view name) {
  for (const Entry& entry : kPolicies) {
    if (entry.name == name) return entry.make();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown policy '", name, "'; there are: ", absl::StrJoin(PolicyNames(), ", ")));
}

std::vector<std::string> PolicyNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kPolicies) names.emplace_back(entry.name);
  return names;
}

}  // namespace synod::balancer
