#include "services/kv/write_set.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

namespace synod::kv {

using storage::Column;

absl::StatusOr<bool> WriteSet::GetNewest(absl::string_view key, std::string* bytes) const {
  if (const auto pending = newest_.find(key); pending != newest_.end()) {
    if (pending->second) *bytes = *pending->second;
    return pending->second.has_value();
  }
  if (const std::string* cached = cache_.Find(key)) {
    *bytes = *cached;
    return true;
  }
  return stored_.GetNewest(key, bytes);
}

absl::Status WriteSet::WalkNewest(absl::string_view lower, absl::string_view upper,
                                  VisitBytes visit) const {
  auto pending = newest_.lower_bound(lower);
  const auto end = upper.empty() ? newest_.end() : newest_.lower_bound(upper);
  bool stopped = false;
  // Visits what is pending below `key`, and at it; false when the walk is over. `*replaces` says
  // that `key` itself is pending.
  const auto visit_pending = [&](const absl::string_view* key, bool* replaces) {
    while (pending != end && (key == nullptr || pending->first <= *key)) {
      if (key != nullptr && pending->first == *key) *replaces = true;
      if (pending->second && !visit(pending->first, *pending->second)) stopped = true;
      ++pending;
      if (stopped) return false;
    }
    return true;
  };
  absl::Status status =
      stored_.WalkNewest(lower, upper, [&](absl::string_view key, absl::string_view bytes) {
        bool replaced = false;
        if (!visit_pending(&key, &replaced)) return false;
        stopped = !replaced && !visit(key, bytes);
        return !stopped;
      });
  if (status.ok() && !stopped) visit_pending(nullptr, nullptr);
  return status;
}

absl::Status WriteSet::GetHistory(Position position, std::string* bytes) const {
  const auto pending = std::lower_bound(
      history_.begin(), history_.end(), position,
      [](const PendingHistory& record, Position wanted) { return record.position < wanted; });
  if (pending == history_.end() || pending->position != position) {
    return stored_.GetHistory(position, bytes);
  }
  *bytes = pending->bytes;
  return absl::OkStatus();
}

void WriteSet::PutNewest(absl::string_view key, std::string bytes) {
  newest_[key] = std::move(bytes);
}

void WriteSet::EraseNewest(absl::string_view key) {
  newest_[key] = std::nullopt;
}

void WriteSet::AppendHistory(Position position, std::string bytes) {
  history_.push_back({position, std::move(bytes)});
}

void WriteSet::PutTombstone(Position position, absl::string_view key) {
  tombstones_[position] = std::string(key);
}

void WriteSet::EraseTombstone(Position position) {
  tombstones_[position] = std::nullopt;
}

void WriteSet::PutMeta(absl::string_view key, std::string bytes) {
  meta_[key] = std::move(bytes);
}

Revision WriteSet::oldest_change() const {
  return history_.empty() ? std::numeric_limits<Revision>::max()
                          : history_.front().position.revision;
}

absl::Status WriteSet::Commit(const State& state) {
  const std::unique_ptr<storage::EngineBatch> batch = engine_.NewBatch();
  batch->Put(Column::kMeta, kStateKey, EncodeState(state));
  for (const auto& [key, bytes] : meta_) batch->Put(Column::kMeta, key, bytes);
  for (const PendingHistory& record : history_) {
    batch->Put(Column::kHistory, HistoryKey(record.position), record.bytes);
  }
  for (const auto& [position, key] : tombstones_) {
    if (key) {
      batch->Put(Column::kMeta, TombstoneKey(position), *key);
    } else {
      batch->Delete(Column::kMeta, TombstoneKey(position));
    }
  }
  for (const auto& [key, bytes] : newest_) {
    if (bytes) {
      batch->Put(Column::kCurrent, key, *bytes);
    } else {
      batch->Delete(Column::kCurrent, key);
    }
  }
  absl::Status status = engine_.Write(*batch);
  if (!status.ok()) return status;
  for (auto& [key, bytes] : newest_) {
    if (bytes) {
      cache_.Insert(key, std::move(*bytes));
    } else {
      cache_.Erase(key);
    }
  }
  return absl::OkStatus();
}

}  // namespace synod::kv
