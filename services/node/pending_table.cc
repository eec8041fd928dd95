#include "services/node/pending_table.h"

#include <algorithm>

namespace synod::node {

std::optional<paxos::CommandId> PendingTable::Add(absl::Duration deadline,
                                                  rpc::Backend::ProposeDone& done) {
  absl::MutexLock lock(&mutex_);
  if (pending_.size() >= max_pending_) return std::nullopt;
  const uint64_t sequence = next_sequence_++;
  pending_.emplace(sequence, Pending{deadline, std::move(done)});
  earliest_deadline_ = std::min(earliest_deadline_, deadline);
  return paxos::CommandId{self_, sequence};
}

void PendingTable::Resolve(std::vector<Applied> applied, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  for (Applied& one : applied) {
    const auto at = pending_.find(one.sequence);
    if (at == pending_.end()) continue;
    finished.push_back({std::move(at->second.done), {rpc::Failure::kNone, std::move(one.result)}});
    pending_.erase(at);
  }
}

void PendingTable::Fail(uint64_t sequence, rpc::Failure failure, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  const auto at = pending_.find(sequence);
  if (at == pending_.end()) return;
  finished.push_back({std::move(at->second.done), {failure, {}}});
  pending_.erase(at);
  ++failed_total_;
}

template <class Predicate>
void PendingTable::FailIf(Predicate predicate, rpc::Failure failure, Finished& finished) {
  earliest_deadline_ = absl::InfiniteDuration();
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto current = at++;
    if (predicate(current->first, current->second)) {
      finished.push_back({std::move(current->second.done), {failure, {}}});
      pending_.erase(current);
      ++failed_total_;
    } else {
      earliest_deadline_ = std::min(earliest_deadline_, current->second.deadline);
    }
  }
}

void PendingTable::FailThrough(uint64_t sequence, rpc::Failure failure, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  FailIf([sequence](uint64_t candidate, const Pending&) { return candidate <= sequence; }, failure,
         finished);
}

void PendingTable::FailAll(rpc::Failure failure, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  FailIf([](uint64_t, const Pending&) { return true; }, failure, finished);
}

void PendingTable::Expire(absl::Duration now, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  if (now < earliest_deadline_) return;
  FailIf([now](uint64_t, const Pending& pending) { return pending.deadline <= now; },
         rpc::Failure::kTimeout, finished);
}

size_t PendingTable::size() const {
  absl::MutexLock lock(&mutex_);
  return pending_.size();
}

uint64_t PendingTable::failed_total() const {
  absl::MutexLock lock(&mutex_);
  return failed_total_;
}

}  // namespace synod::node
