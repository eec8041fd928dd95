#include "services/storage/manifest.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

// Allocated beforehand, so that a full disk never stands in the way of a promise: room for the list
// of some three thousand segments.
constexpr uint64_t kInitialBytes = 64 << 10;
constexpr std::array<char, 2> kCopies = {'a', 'b'};

// A missing file is a bad copy, made anew empty; any other error is the caller's.
absl::StatusOr<std::unique_ptr<File>> OpenCopy(Env* env, const std::string& dir, size_t copy) {
  const std::string path = ManifestPath(dir, kCopies[copy]);
  auto file = env->Open(path);
  if (file.ok() || !absl::IsNotFound(file.status())) return file;
  file = env->CreateZeroed(path, kInitialBytes);
  if (!file.ok()) return file;
  if (absl::Status status = env->SyncDir(dir); !status.ok()) return status;
  return file;
}

}  // namespace

absl::Status Manifest::Create(Env* env, const std::string& dir, const LogIdentity& identity,
                              uint64_t instance) {
  Manifest manifest(identity);
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    const std::string path = ManifestPath(dir, kCopies[copy]);
    if (absl::Status status = env->Remove(path); !status.ok() && !absl::IsNotFound(status)) {
      return status;
    }
    auto file = env->CreateZeroed(path, kInitialBytes);
    if (!file.ok()) return file.status();
    manifest.files_[copy] = *std::move(file);
  }
  ManifestState state;
  state.instance = instance;
  if (absl::Status status = manifest.Store(std::move(state)); !status.ok()) return status;
  return env->SyncDir(dir);
}

absl::StatusOr<std::unique_ptr<Manifest>> Manifest::Open(Env* env, const std::string& dir,
                                                         const LogIdentity& identity,
                                                         uint64_t new_instance) {
  std::array<std::optional<ManifestCopy>, 2> found;
  std::unique_ptr<Manifest> manifest(new Manifest(identity));
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    auto file = OpenCopy(env, dir, copy);
    if (!file.ok()) return file.status();
    const auto size = (*file)->Size();
    if (!size.ok()) return size.status();
    // What cannot be read is as good as damaged.
    const auto bytes = (*file)->ReadAt(0, *size);
    if (bytes.ok()) found[copy] = DecodeManifest(*bytes, identity, copy);
    manifest->files_[copy] = *std::move(file);
  }
  if (!found[0] && !found[1]) {
    return absl::DataLossError(absl::StrCat(
        ManifestPath(dir, 'a'), " and ", ManifestPath(dir, 'b'),
        ": both copies of this node's promises are damaged, so it must not vote again; remove the "
        "member from the cluster and add it under a new id with an empty directory"));
  }
  const size_t newer = !found[0] || (found[1] && found[1]->generation > found[0]->generation);
  manifest->generation_ = found[newer]->generation;
  manifest->state_ = std::move(found[newer]->state);
  const bool old = found[newer]->format != kLogFormat;
  if (old) manifest->state_.instance = new_instance;
  if (old || !found[1 - newer] || found[1 - newer]->generation != manifest->generation_) {
    // The older or broken copy first, so that an intact one is there at every moment. The newer one
    // again too: it may have come from the page cache, after a sync that failed.
    ++manifest->generation_;
    for (const size_t copy : {1 - newer, newer}) {
      if (absl::Status status = manifest->WriteCopy(copy); !status.ok()) return status;
    }
  }
  return manifest;
}

absl::Status Manifest::Store(ManifestState state) {
  state_ = std::move(state);
  ++generation_;
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    if (absl::Status status = WriteCopy(copy); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Manifest::WriteCopy(size_t copy) {
  const std::string bytes = EncodeManifest({generation_, kLogFormat, state_}, identity_, copy);
  if (absl::Status status = files_[copy]->WriteAt(0, bytes); !status.ok()) return status;
  return files_[copy]->Sync();
}

}  // namespace synod::storage
