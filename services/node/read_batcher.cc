#include "services/node/read_batcher.h"

#include <algorithm>
#include <iterator>

namespace synod::node {

ReadBatcher::Added ReadBatcher::Add(absl::Duration deadline, rpc::Backend::ReadableDone& done) {
  absl::MutexLock lock(&mutex_);
  if (size_ >= max_reads_) return Added::kFull;
  ++size_;
  waiting_.push_back({deadline, std::move(done)});
  earliest_deadline_ = std::min(earliest_deadline_, deadline);
  return waiting_.size() == 1 && !under_way_ ? Added::kFirst : Added::kJoined;
}

std::optional<uint64_t> ReadBatcher::StartRound() {
  absl::MutexLock lock(&mutex_);
  if (under_way_ || waiting_.empty()) return std::nullopt;
  under_way_ = true;
  in_round_.swap(waiting_);
  return ++round_;
}

void ReadBatcher::Abandon(uint64_t round) {
  absl::MutexLock lock(&mutex_);
  if (!under_way_ || round != round_) return;
  under_way_ = false;
  // They were there first.
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(in_round_));
  waiting_.clear();
  waiting_.swap(in_round_);
}

void ReadBatcher::Confirmed(uint64_t round, Slot slot, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  if (!under_way_ || round != round_) return;
  under_way_ = false;
  if (slot <= applied_) {
    Finish(in_round_, rpc::Failure::kNone, finished);
    return;
  }
  Batch& batch = until_applied_[slot];
  std::move(in_round_.begin(), in_round_.end(), std::back_inserter(batch));
  in_round_.clear();
}

void ReadBatcher::Applied(Slot slot, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  applied_ = std::max(applied_, slot);
  while (!until_applied_.empty() && until_applied_.begin()->first <= applied_) {
    Finish(until_applied_.begin()->second, rpc::Failure::kNone, finished);
    until_applied_.erase(until_applied_.begin());
  }
}

void ReadBatcher::FailUnconfirmed(rpc::Failure failure, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  Finish(in_round_, failure, finished);
  Finish(waiting_, failure, finished);
  under_way_ = false;
}

void ReadBatcher::FailAll(rpc::Failure failure, Finished& finished) {
  FailUnconfirmed(failure, finished);
  absl::MutexLock lock(&mutex_);
  for (auto& [slot, batch] : until_applied_) Finish(batch, failure, finished);
  until_applied_.clear();
}

void ReadBatcher::Expire(absl::Duration now, Finished& finished) {
  absl::MutexLock lock(&mutex_);
  if (now < earliest_deadline_) return;
  earliest_deadline_ = absl::InfiniteDuration();
  ExpireIn(waiting_, now, rpc::Failure::kTimeout, finished);
  ExpireIn(in_round_, now, rpc::Failure::kTimeout, finished);
  for (auto& [slot, batch] : until_applied_) {
    ExpireIn(batch, now, rpc::Failure::kTimeoutNotApplied, finished);
  }
}

size_t ReadBatcher::size() const {
  absl::MutexLock lock(&mutex_);
  return size_;
}

void ReadBatcher::Finish(Batch& batch, rpc::Failure failure, Finished& finished) {
  for (Read& read : batch) finished.push_back({std::move(read.done), failure});
  size_ -= batch.size();
  batch.clear();
}

void ReadBatcher::ExpireIn(Batch& batch, absl::Duration now, rpc::Failure failure,
                           Finished& finished) {
  const auto live = std::partition(batch.begin(), batch.end(),
                                   [now](const Read& read) { return read.deadline <= now; });
  for (auto read = batch.begin(); read != live; ++read) {
    finished.push_back({std::move(read->done), failure});
  }
  size_ -= static_cast<size_t>(live - batch.begin());
  batch.erase(batch.begin(), live);
  for (const Read& read : batch) earliest_deadline_ = std::min(earliest_deadline_, read.deadline);
}

void RunAll(ReadBatcher::Finished& finished) {
  for (FinishedRead& read : finished) read.Run();
  finished.clear();
}

}  // namespace synod::node
