// What outlives an in-memory engine: named durable images, as directories are to RocksDB.
//
// With an Env, checkpoints are files in its directories, so that they can be sent, received and
// installed like RocksDB's; a directory whose files are new is loaded from them.
//
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_
#define SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "services/storage/engine.h"
#include "services/storage/env.h"
#include "services/storage/memory_tree.h"

namespace synod::storage {

// All columns of one state; copying it is a snapshot.
using MemoryImage = std::array<MemoryTree, kColumns>;

// In parts of about 8 KiB, each with its number, how many there are, and a checksum.
std::vector<std::string> EncodeImage(const MemoryImage& image);
// Parts in any order. DataLoss when one is damaged or missing.
absl::StatusOr<MemoryImage> DecodeImage(const std::vector<std::string>& parts);

class MemoryDisk {
 public:
  // Without an Env checkpoints are images of this disk, too.
  explicit MemoryDisk(Env* env = nullptr) : env_(env) {}

  // For an engine that is opened: the newer of files and image; empty when there are neither.
  // DataLoss when the files are damaged; what else was held of the directory is then forgotten.
  absl::StatusOr<MemoryImage> Open(const std::string& dir);

  // What was stored last.
  MemoryImage Load(const std::string& dir) const;

  // Durable at once.
  void Store(const std::string& dir, MemoryImage image);

  // No image of the directory is held any more.
  void Remove(const std::string& dir);

  // AlreadyExists when `dir` is taken. The files of one are durable, their names are not.
  absl::Status Checkpoint(const std::string& dir, MemoryImage image);

 private:
  struct Held {
    MemoryImage image;
    uint64_t files = 0;  // checksum of those that it was loaded from; 0 without any
  };

  absl::StatusOr<std::vector<std::string>> ReadFiles(const std::string& dir) const;
  absl::Status TakeFiles(const std::string& dir) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Env* const env_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Held> images_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_
