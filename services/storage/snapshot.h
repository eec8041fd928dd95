// A snapshot: the engine's files after some slot, and a descriptor by which another node fetches
// and verifies them. This is the giving side; snapshot_download.h is the taking one, and
// state_directories.h puts what was fetched in the engine's place.
//
// To make one: Engine::Checkpoint into a new directory between two Applies, so that the slot is
// known; then DescribeSnapshot, which reads every file, from any thread. Files of a checkpoint
// never change, so chunks may be read from any thread, and the directory removed when nobody reads.
#ifndef SYNOD_SERVICES_STORAGE_SNAPSHOT_H_
#define SYNOD_SERVICES_STORAGE_SNAPSHOT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/storage/env.h"

namespace synod::storage {

inline constexpr size_t kMaxSnapshotFiles = 1 << 16;
inline constexpr size_t kMaxSnapshotChunkBytes = 1 << 20;

struct SnapshotFile {
  std::string name;  // without a directory
  uint64_t bytes = 0;
  uint64_t checksum = 0;  // XXH3-64 of the contents

  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

struct SnapshotDescriptor {
  ClusterId cluster;
  Slot slot;                        // the state after exactly the slots through this one
  std::vector<SnapshotFile> files;  // ascending by name

  // Tells this snapshot from every other one, also of the same slot. Never 0.
  uint64_t id() const;
  uint64_t TotalBytes() const;

  std::string Encode() const;
  // InvalidArgument when the bytes are damaged, of another format, or name impossible files.
  static absl::StatusOr<SnapshotDescriptor> Parse(absl::string_view bytes);

  friend bool operator==(const SnapshotDescriptor&, const SnapshotDescriptor&) = default;
};

// Describes the checkpoint in `dir`. Cancelled when `*cancel` turns true between two files.
absl::StatusOr<SnapshotDescriptor> DescribeSnapshot(Env* env, const std::string& dir,
                                                    ClusterId cluster, Slot slot,
                                                    const std::atomic<bool>* cancel = nullptr);

// Bytes of the file files[file] from `offset` on: at most `max_bytes` and kMaxSnapshotChunkBytes,
// never none. OutOfRange when there is no such file or place in it; DataLoss when the file has
// become shorter.
absl::StatusOr<std::string> ReadSnapshotChunk(Env* env, const std::string& dir,
                                              const SnapshotDescriptor& snapshot, size_t file,
                                              uint64_t offset, size_t max_bytes);

// The XXH3-64 of a whole file.
absl::StatusOr<uint64_t> ChecksumOfFile(const File& file, uint64_t bytes);

// Removes a flat directory with its files; one that is not there is no error.
absl::Status RemoveDirectory(Env* env, const std::string& dir);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SNAPSHOT_H_
