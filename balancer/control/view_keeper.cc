#include "balancer/control/view_keeper.h"

#include <utility>

#include "balancer/control/view_builder.h"

namespace synod::balancer {

std::shared_ptr<const View> ViewKeeper::Turn(const Wishes& wishes, const FactsByAddress& facts,
                                             absl::Duration now) {
  if (!generic_) cluster_.Update(facts, wishes.seeds);
  load_weights_.Update(facts, now);
  KeepStats(wishes.seeds);
  ViewInputs inputs;
  inputs.generic = generic_;
  inputs.settings = wishes.settings;
  inputs.seeds = wishes.seeds;
  inputs.facts = facts;
  inputs.cluster = cluster_;
  inputs.load_weights = load_weights_.weights();
  inputs.drained = wishes.drained;
  inputs.stats = stats_;
  inputs.now = now;
  for (const auto& [address, stats] : stats_) {
    if (ejection_.IsEjected(address)) inputs.ejected.insert(address);
  }
  auto view = std::make_shared<View>(BuildView(inputs));
  Eject(*view, now);
  const bool same = latest_ != nullptr && SameForRouting(*latest_, *view);
  view->version = (latest_ == nullptr ? 0 : latest_->version) + (same ? 0 : 1);
  latest_ = std::move(view);
  return latest_;
}

// For every address that BuildView may show; kept as long as it may.
void ViewKeeper::KeepStats(const std::vector<std::string>& seeds) {
  std::set<std::string> addresses(seeds.begin(), seeds.end());
  for (const Member& member : cluster_.members()) {
    addresses.insert(member.client_addresses.begin(), member.client_addresses.end());
  }
  std::erase_if(stats_, [&](const auto& entry) { return addresses.count(entry.first) == 0; });
  for (const std::string& address : addresses) {
    auto& stats = stats_[address];
    if (stats == nullptr) stats = std::make_shared<BackendStats>();
  }
}

// For the next view; turns come often enough.
void ViewKeeper::Eject(const View& view, absl::Duration now) {
  std::vector<Ejection::Candidate> candidates;
  for (const Backend& backend : view.backends) {
    const bool usable =
        backend.state == BackendState::kReady || backend.state == BackendState::kEjected;
    if (usable && backend.role == BackendRole::kVoter) {
      candidates.push_back({backend.address, backend.stats});
    }
  }
  ejection_.Sweep(candidates, MinimumInUse(view), now);
}

}  // namespace synod::balancer
