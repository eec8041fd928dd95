#include "services/storage/log_recovery.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

// Without an identity no log was ever opened here, since the identity is written before the first
// segment; with segments, then, the identity is lost.
absl::Status CreateLog(Env* env, const std::string& dir, const LogIdentity& identity,
                       uint64_t new_instance) {
  const auto names = env->List(dir);
  if (!names.ok()) return names.status();
  const auto segment = std::find_if(names->begin(), names->end(), [](const std::string& name) {
    return SegmentOfFile(name).has_value();
  });
  if (segment != names->end()) {
    return absl::DataLossError(absl::StrCat(
        dir,
        ": there are log segments but no file `identity`; restore that file, or remove the "
        "member from the cluster and add it under a new id with an empty directory"));
  }
  if (absl::Status status = Manifest::Create(env, dir, identity, new_instance); !status.ok()) {
    return status;
  }
  return WriteIdentity(env, dir, identity);
}

// Files of segments that the manifest does not name: spares, and cut segments waiting to be used
// again. They are made anew when needed.
absl::Status RemoveStrays(Env* env, const std::string& dir, const ManifestState& manifest) {
  const auto names = env->List(dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto id = SegmentOfFile(name);
    const auto named = [&](const SegmentManifest& segment) { return segment.id == id; };
    if (!id || std::any_of(manifest.segments.begin(), manifest.segments.end(), named)) continue;
    if (absl::Status status = env->Remove(absl::StrCat(dir, "/", name)); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// No record may exceed its group's promise: the promise is durable first.
absl::Status CheckPromise(const std::string& dir, const ManifestState& manifest,
                          const RecordKey& key) {
  const auto group = manifest.groups.find(key.group);
  if (key.ballot == paxos::Ballot()) return absl::OkStatus();
  if (group != manifest.groups.end() && key.ballot <= group->second.promised) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      dir, ": the manifest is older than the log (it lacks the promise behind slot ",
      key.slot.value(), " of group ", key.group.value(),
      "): its files are not of one time, so this node must not vote again; remove the member from "
      "the cluster and add it under a new id with an empty directory"));
}

absl::Status RecoverSegments(Env* env, const std::string& dir, const LogIdentity& identity,
                             RecoveredLog& log) {
  const ManifestState& manifest = log.manifest->state();
  for (const auto& [group, state] : manifest.groups) log.index.CutThrough(group, state.cut_through);
  SegmentScan scan;
  for (const SegmentManifest& listed : manifest.segments) {
    if (!log.segments.empty() && scan.next_sequence != listed.first_sequence) {
      return absl::DataLossError(absl::StrCat(
          RecordsPath(dir, log.segments.back()->id()), ": offset ", scan.end, ": batches ",
          scan.next_sequence, " to ", listed.first_sequence - 1,
          " were acknowledged and cannot be read; nothing was changed; if a quorum of the other "
          "members is healthy, remove this member and add it under a new id with an empty "
          "directory"));
    }
    const SegmentIdentity segment_identity{identity.cluster, identity.node, listed.id};
    auto segment = Segment::Recover(env, dir, segment_identity, listed.first_sequence, scan);
    if (!segment.ok()) return segment.status();
    for (const ScannedBatch& batch : scan.batches) {
      for (const RecordDescriptor& record : batch.head.records) {
        if (absl::Status status = CheckPromise(dir, manifest, record.key); !status.ok()) {
          return status;
        }
        log.index.Add(listed.id, record);
      }
    }
    log.segments.push_back(*std::move(segment));
    log.next_sequence = scan.next_sequence;
    log.next_segment = std::max(log.next_segment, listed.id + 1);
  }
  return log.segments.empty() ? absl::OkStatus() : log.segments.back()->SecureTail(scan);
}

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(Env* env, const std::string& dir,
                                        const LogIdentity& identity, uint64_t new_instance) {
  // Before anything is written, the lock file included.
  auto format = CheckIdentity(env, dir, identity);
  if (!format.ok() && !absl::IsNotFound(format.status())) return format.status();
  if (absl::Status status = env->CreateDirs(dir); !status.ok()) return status;

  RecoveredLog log;
  auto lock = env->Lock(LockPath(dir));
  if (!lock.ok()) return lock.status();
  log.lock = *std::move(lock);

  // Again under the lock: another process may have created the log in between.
  format = CheckIdentity(env, dir, identity);
  absl::Status ready = format.status();
  if (absl::IsNotFound(ready)) {
    ready = CreateLog(env, dir, identity, new_instance);
  } else if (format.ok() && *format != kLogFormat) {
    // First of all, so that an older program never reads what it does not know.
    ready = WriteIdentity(env, dir, identity);
  }
  if (!ready.ok()) return ready;
  auto manifest = Manifest::Open(env, dir, identity, new_instance);
  if (!manifest.ok()) return manifest.status();
  log.manifest = *std::move(manifest);
  if (absl::Status status = RecoverSegments(env, dir, identity, log); !status.ok()) return status;
  if (absl::Status status = RemoveStrays(env, dir, log.manifest->state()); !status.ok()) {
    return status;
  }
  return log;
}

}  // namespace synod::storage
