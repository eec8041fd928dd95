#include "services/kv/mutation.h"

#include <string>
#include <vector>

#include "services/kv/format.h"
#include "services/kv/skip_path.h"
#include "services/kv/versions.h"

namespace synod::kv {

absl::StatusOr<PutResponse> Mutation::Put(const PutRequest& request) {
  std::string bytes;
  Newest current;
  const absl::StatusOr<bool> found = writes_.GetNewest(request.key, &bytes);
  if (!found.ok()) return found.status();
  if (*found && !DecodeNewest(bytes, &current)) return DamagedRecord("version", request.key);
  const Version& old = current.version;

  PutResponse response;
  if (request.prev_kv && old.live()) response.prev_kv = ToKeyValue(request.key, old);
  Version next;
  next.create_revision = old.live() ? old.create_revision : bounds_.revision + 1;
  next.version = old.version + 1;
  next.lease = request.ignore_lease ? old.lease : request.lease;
  next.value = request.ignore_value ? old.value : absl::string_view(request.value);
  const absl::Status status = Write(request.key, *found ? &current : nullptr, next);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<DeleteRangeResponse> Mutation::DeleteRange(const DeleteRangeRequest& request) {
  DeleteRangeResponse response;
  std::vector<std::string> keys;
  absl::Status status = WalkLive(writes_, {request.key, request.range_end}, revision(),
                                 [&](absl::string_view key, const Version& version) {
                                   keys.emplace_back(key);
                                   if (request.prev_kv)
                                     response.prev_kvs.push_back(ToKeyValue(key, version));
                                   return true;
                                 });
  for (const std::string& key : keys) {
    if (!status.ok()) break;
    status = Delete(key);
  }
  if (!status.ok()) return status;
  response.deleted = static_cast<int64_t>(keys.size());
  return response;
}

absl::Status Mutation::Delete(absl::string_view key) {
  std::string bytes;
  Newest current;
  const absl::StatusOr<bool> found = writes_.GetNewest(key, &bytes);
  if (!found.ok()) return found.status();
  if (!*found || !DecodeNewest(bytes, &current)) return DamagedRecord("version", key);
  return Write(key, &current, Version());
}

absl::Status Mutation::Write(absl::string_view key, const Newest* current, Version next) {
  next.position = {bounds_.revision + 1, changes_++};
  HistoryRecord record{.key = key, .written = next, .replaced = {}, .jump = {}};
  SkipPath path;
  if (current != nullptr) {
    const Version& old = current->version;
    const bool readable_before = old.mod_revision() > bounds_.floor;
    // A tombstone at or below the floor may be swept at any time: as good as not there.
    if (old.live() || readable_before) record.replaced = old;
    if (readable_before && !path.Parse(current->path)) return DamagedRecord("skip path", key);
  }
  path.Push(next.position, bounds_.floor);
  record.jump = path.jump();
  std::string path_bytes;
  path.AppendTo(path_bytes);

  writes_.AppendHistory(next.position, EncodeHistory(record));
  writes_.PutNewest(key, EncodeNewest({next, path_bytes}));
  if (!next.live()) writes_.PutTombstone(next.position, key);
  return absl::OkStatus();
}

}  // namespace synod::kv
