#include "balancer/control/ejection.h"

#include <algorithm>

namespace synod::balancer {

void Ejection::Sweep(const std::vector<Candidate>& candidates, size_t minimum_in_use,
                     absl::Duration now) {
  std::erase_if(records_, [&](const auto& record) {
    return std::none_of(candidates.begin(), candidates.end(),
                        [&](const Candidate& c) { return c.address == record.first; });
  });
  size_t in_use = 0;
  std::vector<std::pair<uint32_t, const Candidate*>> failing;
  for (const Candidate& candidate : candidates) {
    Record& record = records_[candidate.address];
    LetIn(record, *candidate.stats, now);
    if (record.ejected) continue;
    ++in_use;
    const uint32_t failures = candidate.stats->consecutive_failures.load(std::memory_order_relaxed);
    if (failures >= options_.consecutive_failures) failing.emplace_back(failures, &candidate);
  }
  std::stable_sort(failing.begin(), failing.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [failures, candidate] : failing) {
    if (in_use <= minimum_in_use) return;
    --in_use;
    Record& record = records_[candidate->address];
    ++record.multiplier;
    record.ejected = true;
    record.until = now + std::min(record.multiplier * options_.base_time, options_.max_time);
  }
}

bool Ejection::IsEjected(const std::string& address) const {
  const auto found = records_.find(address);
  return found != records_.end() && found->second.ejected;
}

void Ejection::LetIn(Record& record, BackendStats& stats, absl::Duration now) {
  if (record.ejected) {
    if (now < record.until) return;
    record.ejected = false;
    record.forgive_at = now + options_.forgive_interval;
    // Its old failures must not eject it again before it had a chance.
    stats.consecutive_failures.store(0, std::memory_order_relaxed);
  } else if (record.multiplier > 0 && now >= record.forgive_at) {
    --record.multiplier;
    record.forgive_at = now + options_.forgive_interval;
  }
}

}  // namespace synod::balancer
