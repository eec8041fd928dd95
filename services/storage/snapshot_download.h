// Takes in a snapshot piece by piece, from whoever sends its chunks, and survives interruptions: of
// the connection at the byte, of the process at the file.
//
// Nothing is believed that the checksums of the descriptor do not confirm. The descriptor itself is
// the sender's word, as its chosen values are.
//
// Thread-safety: one owner.
#ifndef SYNOD_SERVICES_STORAGE_SNAPSHOT_DOWNLOAD_H_
#define SYNOD_SERVICES_STORAGE_SNAPSHOT_DOWNLOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/storage/env.h"
#include "services/storage/running_checksum.h"
#include "services/storage/snapshot.h"
#include "services/storage/state_directories.h"

namespace synod::storage {

// Which byte of a snapshot.
struct SnapshotPosition {
  size_t file = 0;  // in SnapshotDescriptor::files
  uint64_t offset = 0;

  friend bool operator==(const SnapshotPosition&, const SnapshotPosition&) = default;
};

class SnapshotDownload {
 public:
  // Begins, or goes on with what an earlier life left of the same snapshot: its whole files are
  // kept, which means that they are read: between two of them `cancelled` is asked, and when it is
  // true this, or Write, ends with Cancelled. FailedPrecondition when another download into these
  // directories lives. They must outlive this.
  static absl::StatusOr<std::unique_ptr<SnapshotDownload>> Start(
      Env* env, StateDirectories* directories, const SnapshotDescriptor& snapshot,
      std::function<bool()> cancelled = [] { return false; });

  ~SnapshotDownload();
  SnapshotDownload(const SnapshotDownload&) = delete;
  SnapshotDownload& operator=(const SnapshotDownload&) = delete;

  // What is needed next; nothing when every file is there.
  std::optional<SnapshotPosition> next() const;
  uint64_t bytes_missing() const;

  // Takes the bytes at next(). InvalidArgument, and nothing changes, when they are another
  // snapshot's, from another place, none, or too many. DataLoss when they complete a file whose
  // checksum is wrong: next() is its beginning then. ResourceExhausted when the disk is full; what
  // was taken in stays.
  absl::Status Write(uint64_t snapshot_id, const SnapshotPosition& at, absl::string_view bytes);

  // Makes all files and their names durable and declares the snapshot complete. Precondition:
  // next() is nothing.
  absl::Status Finish();

 private:
  SnapshotDownload(Env* env, StateDirectories* directories, std::function<bool()> cancelled);

  const SnapshotDescriptor& snapshot() const { return directories_->incoming()->descriptor; }
  const SnapshotFile& file() const { return snapshot().files[position_.file]; }
  std::string Path(const SnapshotFile& file) const;
  absl::StatusOr<bool> HaveFile(const SnapshotFile& file) const;
  absl::Status SkipWholeFiles();
  absl::Status CompleteFile();

  Env* const env_;
  StateDirectories* const directories_;
  const std::function<bool()> cancelled_;
  SnapshotPosition position_;
  std::unique_ptr<File> open_;  // the file at position_, once it has been begun
  RunningChecksum checksum_;    // of its bytes so far
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SNAPSHOT_DOWNLOAD_H_
