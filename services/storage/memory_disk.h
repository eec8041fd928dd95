// What outlives an in-memory engine: named durable images, as directories are to RocksDB.
//
// With an Env, checkpoints are files in its directories, so that they can be sent, received and
// installed like RocksDB's; a directory whose file is new is loaded from it.
//
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_
#define SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

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

std::string EncodeImage(const MemoryImage& image);
// Nothing when the bytes are no image.
std::optional<MemoryImage> DecodeImage(absl::string_view bytes);

class MemoryDisk {
 public:
  // Without an Env checkpoints are images of this disk, too.
  explicit MemoryDisk(Env* env = nullptr) : env_(env) {}

  // For an engine that is opened: the newer of file and image; empty when there is neither. A file
  // that is no image counts as a lost engine: empty.
  MemoryImage Open(const std::string& dir);

  // What was stored last.
  MemoryImage Load(const std::string& dir) const;

  // Durable at once.
  void Store(const std::string& dir, MemoryImage image);

  // AlreadyExists when `dir` is taken. In an Env not synced: it is there to be read soon.
  absl::Status Checkpoint(const std::string& dir, MemoryImage image);

 private:
  struct Held {
    MemoryImage image;
    uint64_t file = 0;  // checksum of the file that it was loaded from; 0 without one
  };

  void TakeFile(const std::string& dir) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Env* const env_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Held> images_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MEMORY_DISK_H_
