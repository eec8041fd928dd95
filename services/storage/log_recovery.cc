#include "services/storage/log_recovery.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/storage/log_files.h"
#include "services/storage/log_replay.h"

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
  if (absl::Status status = ReplaySegments(env, dir, identity, log); !status.ok()) return status;
  if (absl::Status status = RemoveStrays(env, dir, log.manifest->state()); !status.ok()) {
    return status;
  }
  return log;
}

}  // namespace synod::storage
