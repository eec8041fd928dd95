#include "balancer/control/view_builder.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace synod::balancer {
namespace {

class Builder {
 public:
  explicit Builder(const ViewInputs& inputs) : in_(inputs) {}

  View Build() {
    View view;
    view.policy = in_.settings.policy;
    view.write_routing = in_.settings.write_routing;
    view.generic = in_.generic;
    if (in_.generic || in_.cluster.members().empty()) {
      for (const std::string& seed : in_.seeds) view.backends.push_back(Seed(seed));
    } else {
      AddMembers(view);
      AddStrangers(view);
    }
    std::sort(view.backends.begin(), view.backends.end(),
              [](const Backend& a, const Backend& b) { return a.address < b.address; });
    if (!in_.generic) SetLeader(view);
    return view;
  }

 private:
  void AddMembers(View& view) {
    for (const Member& member : in_.cluster.members()) {
      const auto address = AddressOf(in_.cluster, member, in_.facts, in_.seeds);
      if (!address) {  // It has not told anyone where it is reached.
        unplaced_voters_ += !member.learner;
        if (!member.name.empty()) view.unplaced.push_back(member.name);
        continue;
      }
      Backend backend = New(*address, member.name);
      backend.role = member.learner ? BackendRole::kLearner : BackendRole::kVoter;
      SetState(backend);
      view.backends.push_back(std::move(backend));
    }
  }

  // Seeds that turned out not to be members, shown so that the operator sees why. A second address
  // of a member is no stranger, and one that never spoke may be a voter whose address nobody knows.
  void AddStrangers(View& view) {
    for (const std::string& seed : in_.seeds) {
      const bool shown = std::any_of(view.backends.begin(), view.backends.end(),
                                     [&](const Backend& b) { return b.address == seed; });
      if (shown || IsMember(FactsOf(seed))) continue;
      Backend backend = Seed(seed);
      if (!FactsOf(seed).view && unplaced_voters_ > 0) {
        --unplaced_voters_;
        view.backends.push_back(std::move(backend));
        continue;
      }
      backend.role = BackendRole::kStranger;
      if (backend.state == BackendState::kReady) {
        backend.state = BackendState::kUnhealthy;
        backend.reason = "is no member of the cluster";
      }
      backend.last_resort = false;
      view.backends.push_back(std::move(backend));
    }
  }

  bool IsMember(const BackendFacts& facts) const {
    const auto& members = in_.cluster.members();
    return facts.view && std::any_of(members.begin(), members.end(), [&](const Member& member) {
             return in_.cluster.SpeaksFor(*facts.view, member.id);
           });
  }

  Backend Seed(const std::string& address) const {
    const BackendFacts& facts = FactsOf(address);
    Backend backend = New(address, facts.view ? facts.view->name : "");
    SetState(backend);
    return backend;
  }

  Backend New(const std::string& address, const std::string& name) const {
    Backend backend;
    backend.address = address;
    backend.name = name.empty() ? address : name;
    const auto stats = in_.stats.find(address);
    backend.stats = stats == in_.stats.end() ? std::make_shared<BackendStats>() : stats->second;
    backend.weight = WeightOf(backend);
    const BackendFacts& facts = FactsOf(address);
    if (facts.view) {
      backend.applied_slot = facts.view->applied_slot;
      backend.quorum_contact_age = QuorumContactAge(facts);
    }
    return backend;
  }

  // Only the weighted policy reads weights from load: to least_request they would be noise.
  std::optional<uint32_t> WeightOf(const Backend& backend) const {
    const WeightMap& weights = in_.settings.weights;
    for (const std::string& key : {backend.name, backend.address}) {
      if (const auto found = weights.find(key); found != weights.end()) return found->second;
    }
    if (!weights.empty() || in_.settings.policy != "weighted") return std::nullopt;
    const auto found = in_.load_weights.find(backend.address);
    if (found == in_.load_weights.end()) return std::nullopt;
    return found->second;
  }

  void SetState(Backend& backend) const {
    const BackendFacts& facts = FactsOf(backend.address);
    std::tie(backend.state, backend.reason) = StateOf(backend, facts);
    // Alive and of this cluster, so what it can answer is for itself to say.
    backend.last_resort = !in_.generic && backend.state == BackendState::kUnhealthy && facts.view &&
                          in_.cluster.Belongs(*facts.view);
  }

  std::pair<BackendState, std::string> StateOf(const Backend& backend,
                                               const BackendFacts& facts) const {
    using enum BackendState;
    if (!in_.generic && facts.view && !in_.cluster.Belongs(*facts.view)) {
      return {
          kUnhealthy,
          absl::StrFormat("belongs to cluster %016x, not to %016x; remove it from --backends, or "
                          "restart the balancer if the cluster was set up anew",
                          facts.view->cluster_id, in_.cluster.cluster_id())};
    }
    if (in_.drained.count(backend.name) != 0 || in_.drained.count(backend.address) != 0) {
      return {kDraining, "drained by the administrator"};
    }
    if (!facts.connected) {
      return {kConnecting, facts.problem.empty() ? "not connected yet" : facts.problem};
    }
    if (!in_.generic && !facts.speaks_cluster) {
      return {kUnhealthy,
              "is not a Synod node (no synod.cluster.v1); for other services there is --generic"};
    }
    if (facts.health == Health::kNotServing) return {kUnhealthy, "reports NOT_SERVING"};
    if (!in_.generic && !facts.view) return {kConnecting, "has not told its view yet"};
    if (!in_.generic && backend.quorum_contact_age > kQuorumContactLimit) {
      return {kUnhealthy, absl::StrCat("has heard from no quorum for more than ",
                                       absl::FormatDuration(kQuorumContactLimit))};
    }
    if (in_.ejected.count(backend.address) != 0) {
      return {kEjected, "failed too many calls in a row; gets calls again after a while"};
    }
    return {kReady, ""};
  }

  void SetLeader(View& view) const {
    view.cluster_id = in_.cluster.cluster_id();
    view.leader_ballot_round = in_.cluster.leader_ballot().round;
    if (in_.cluster.leader_id() == 0) return;
    std::optional<std::string> address;
    for (const Member& member : in_.cluster.members()) {
      if (member.id == in_.cluster.leader_id())
        address = AddressOf(in_.cluster, member, in_.facts, in_.seeds);
    }
    for (size_t i = 0; address && i < view.backends.size(); ++i) {
      if (view.backends[i].address == *address) view.leader = i;
    }
    view.leader_confirmed =
        std::any_of(in_.facts.begin(), in_.facts.end(), [this](const auto& about) {
          const BackendFacts& facts = about.second;
          return facts.connected && facts.view && in_.cluster.Belongs(*facts.view) &&
                 facts.view->leader_id == in_.cluster.leader_id() &&
                 QuorumContactAge(facts) <= kQuorumContactLimit;
        });
  }

  // Only of facts with a view.
  absl::Duration QuorumContactAge(const BackendFacts& facts) const {
    return facts.view->quorum_contact_age + (in_.now - facts.heard_at);
  }

  const BackendFacts& FactsOf(const std::string& address) const {
    const auto found = in_.facts.find(address);
    return found == in_.facts.end() ? unknown_ : found->second;
  }

  const ViewInputs& in_;
  const BackendFacts unknown_;
  size_t unplaced_voters_ = 0;
};

auto RoutingParts(const Backend& b) {
  return std::tie(b.name, b.address, b.state, b.reason, b.role, b.last_resort, b.weight, b.stats);
}

}  // namespace

View BuildView(const ViewInputs& inputs) {
  return Builder(inputs).Build();
}

bool SameForRouting(const View& a, const View& b) {
  const auto parts = [](const View& v) {
    return std::tie(v.leader, v.leader_ballot_round, v.cluster_id, v.policy, v.write_routing,
                    v.generic);
  };
  return parts(a) == parts(b) &&
         std::equal(
             a.backends.begin(), a.backends.end(), b.backends.begin(), b.backends.end(),
             [](const Backend& x, const Backend& y) { return RoutingParts(x) == RoutingParts(y); });
}

std::vector<std::string> BackendNames(const View& view) {
  std::set<std::string> names;
  for (const Backend& backend : view.backends) {
    names.insert(backend.name);
    names.insert(backend.address);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> WeightNames(const View& view) {
  std::vector<std::string> names = BackendNames(view);
  names.insert(names.end(), view.unplaced.begin(), view.unplaced.end());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace synod::balancer
