#include "services/storage/snapshot_download.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::storage {

absl::StatusOr<std::unique_ptr<SnapshotDownload>> SnapshotDownload::Start(
    Env* env, StateDirectories* directories, const SnapshotDescriptor& snapshot,
    std::function<bool()> cancelled) {
  if (!directories->AcquireIncoming()) {
    return absl::FailedPreconditionError(
        "snapshot: another one is being fetched; wait until that one has ended");
  }
  std::unique_ptr<SnapshotDownload> download(
      new SnapshotDownload(env, directories, std::move(cancelled)));
  if (absl::Status status = directories->Begin(snapshot); !status.ok()) return status;
  if (absl::Status status = download->SkipWholeFiles(); !status.ok()) return status;
  return download;
}

SnapshotDownload::SnapshotDownload(Env* env, StateDirectories* directories,
                                   std::function<bool()> cancelled)
    : env_(env), directories_(directories), cancelled_(std::move(cancelled)) {}

SnapshotDownload::~SnapshotDownload() {
  directories_->ReleaseIncoming();
}

std::optional<SnapshotPosition> SnapshotDownload::next() const {
  if (position_.file == snapshot().files.size()) return std::nullopt;
  return position_;
}

uint64_t SnapshotDownload::bytes_missing() const {
  uint64_t missing = 0;
  for (size_t i = position_.file; i < snapshot().files.size(); ++i) {
    missing += snapshot().files[i].bytes;
  }
  return missing - position_.offset;
}

absl::Status SnapshotDownload::Write(uint64_t snapshot_id, const SnapshotPosition& at,
                                     absl::string_view bytes) {
  if (snapshot_id != snapshot().id()) {
    return absl::InvalidArgumentError("snapshot: the bytes are of another snapshot");
  }
  if (next() != at) {
    return absl::InvalidArgumentError(absl::StrCat("snapshot: bytes of file ", at.file, ", offset ",
                                                   at.offset, ", where others are wanted"));
  }
  if (bytes.empty() || bytes.size() > file().bytes - position_.offset) {
    return absl::InvalidArgumentError(absl::StrCat("snapshot: ", bytes.size(), " bytes for ",
                                                   file().name, ", which lacks ",
                                                   file().bytes - position_.offset));
  }
  if (open_ == nullptr) {
    auto created = env_->CreateZeroed(Path(file()), 0);
    if (!created.ok()) return created.status();
    open_ = *std::move(created);
  }
  if (absl::Status status = open_->WriteAt(position_.offset, bytes); !status.ok()) return status;
  checksum_.Add(bytes);
  position_.offset += bytes.size();
  return position_.offset == file().bytes ? CompleteFile() : absl::OkStatus();
}

absl::Status SnapshotDownload::CompleteFile() {
  const bool right = checksum_.value() == file().checksum;
  const absl::Status synced = right ? open_->Sync() : absl::OkStatus();
  open_.reset();
  checksum_.Reset();
  position_.offset = 0;
  if (right && synced.ok()) {
    ++position_.file;
    return SkipWholeFiles();
  }
  if (absl::Status status = env_->Remove(Path(file())); !status.ok()) return status;
  if (!synced.ok()) return synced;
  return absl::DataLossError(
      absl::StrCat("snapshot: ", file().name, " does not match its checksum; it is fetched again"));
}

// Moves on to the first file that has to be fetched. Of a file that is not whole nothing is kept:
// it cannot be told how much of it is right.
absl::Status SnapshotDownload::SkipWholeFiles() {
  for (; position_.file < snapshot().files.size(); ++position_.file) {
    if (cancelled_()) return absl::CancelledError("snapshot: the download is cancelled");
    const auto have = HaveFile(file());
    if (!have.ok()) return have.status();
    if (*have) continue;
    absl::Status removed = env_->Remove(Path(file()));
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    if (file().bytes > 0) return absl::OkStatus();
    if (auto empty = env_->CreateZeroed(Path(file()), 0); !empty.ok()) return empty.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SnapshotDownload::HaveFile(const SnapshotFile& wanted) const {
  const auto found = env_->Open(Path(wanted));
  if (absl::IsNotFound(found.status())) return false;
  if (!found.ok()) return found.status();
  const auto bytes = (*found)->Size();
  if (!bytes.ok()) return bytes.status();
  if (*bytes != wanted.bytes) return false;
  // What cannot be read is as good as wrong.
  const auto checksum = ChecksumOfFile(**found, *bytes);
  return checksum.ok() && *checksum == wanted.checksum;
}

absl::Status SnapshotDownload::Finish() {
  SYNOD_CHECK(!next());
  // A file of an earlier life may have been read from the page cache only.
  for (const SnapshotFile& whole : snapshot().files) {
    auto found = env_->Open(Path(whole));
    if (!found.ok()) return found.status();
    if (absl::Status status = (*found)->Sync(); !status.ok()) return status;
  }
  if (absl::Status status = env_->SyncDir(directories_->incoming_dir()); !status.ok()) {
    return status;
  }
  return directories_->Complete();
}

std::string SnapshotDownload::Path(const SnapshotFile& wanted) const {
  return absl::StrCat(directories_->incoming_dir(), "/", wanted.name);
}

}  // namespace synod::storage
