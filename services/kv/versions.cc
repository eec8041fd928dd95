#include "services/kv/versions.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace synod::kv {
namespace {

using storage::Column;

constexpr absl::string_view kFromKey("\0", 1);

// Follows `version`, which is newer than `revision`, back to the one that replaced it last before
// or at `revision`. Every record reached is newer than `revision` and so above the floor. `bytes`
// holds what `*version` points into.
absl::StatusOr<bool> StepBack(const Versions& versions, Revision revision, Version* version,
                              std::string* bytes) {
  Position position = version->position;
  while (true) {
    absl::Status status = versions.GetHistory(position, bytes);
    if (!status.ok()) return status;
    HistoryRecord record;
    if (!DecodeHistory(position, *bytes, &record)) {
      return DamagedRecord("history record", HistoryKey(position));
    }
    if (record.jump.revision > revision) {
      position = record.jump;
    } else if (record.replaced && record.replaced->mod_revision() > revision) {
      position = record.replaced->position;
    } else {
      if (record.replaced) *version = *record.replaced;
      return record.replaced.has_value();
    }
  }
}

}  // namespace

absl::Status DamagedRecord(absl::string_view what, absl::string_view key) {
  return absl::DataLossError(absl::StrCat("damaged ", what, " at ", absl::CHexEscape(key)));
}

absl::StatusOr<bool> EngineVersions::GetNewest(absl::string_view key, std::string* bytes) const {
  return reader_.Get(Column::kCurrent, key, bytes);
}

absl::Status EngineVersions::WalkNewest(absl::string_view lower, absl::string_view upper,
                                        VisitBytes visit) const {
  const auto it = reader_.NewIterator(Column::kCurrent, lower, upper);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (!visit(it->key(), it->value())) return absl::OkStatus();
  }
  return it->status();
}

absl::Status EngineVersions::GetHistory(Position position, std::string* bytes) const {
  const std::string key = HistoryKey(position);
  absl::StatusOr<bool> found = reader_.Get(Column::kHistory, key, bytes);
  if (!found.ok()) return found.status();
  if (*found) return absl::OkStatus();
  if (position.revision <= dropped_.load()) {
    return absl::OutOfRangeError(absl::StrCat("revision ", position.revision, " was dropped"));
  }
  return DamagedRecord("history: no record", key);
}

bool Contains(const KeyRange& range, absl::string_view key) {
  if (range.range_end.empty()) return key == range.key;
  return key >= range.key && (range.range_end == kFromKey || key < range.range_end);
}

absl::Status WalkLive(const Versions& versions, KeyRange range, Revision revision,
                      VisitVersion visit) {
  absl::Status failure;
  std::string history;
  const auto visit_bytes = [&](absl::string_view key, absl::string_view bytes) {
    Newest newest;
    if (!DecodeNewest(bytes, &newest)) {
      failure = DamagedRecord("version", key);
      return false;
    }
    Version version = newest.version;
    if (version.mod_revision() > revision) {
      absl::StatusOr<bool> found = StepBack(versions, revision, &version, &history);
      if (!found.ok()) {
        failure = found.status();
        return false;
      }
      if (!*found) return true;
    }
    return !version.live() || visit(key, version);
  };

  if (range.range_end.empty()) {
    std::string bytes;
    absl::StatusOr<bool> found = versions.GetNewest(range.key, &bytes);
    if (!found.ok()) return found.status();
    if (*found) visit_bytes(range.key, bytes);
    return failure;
  }
  const absl::string_view upper = range.range_end == kFromKey ? "" : range.range_end;
  if (!upper.empty() && upper <= range.key) return absl::OkStatus();
  absl::Status status = versions.WalkNewest(range.key, upper, visit_bytes);
  return failure.ok() ? status : failure;
}

}  // namespace synod::kv
