// An Engine in memory, for the simulator and for tests: deterministic, snapshots in O(1), volatile
// until Flush.
//
// The durable state is a MemoryDisk that outlives the engine. To crash, destroy the engine without
// Flush and open another one on the same disk.
//
// Thread-safety: as Engine.
#ifndef SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_
#define SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_

#include <array>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/storage/engine.h"
#include "services/storage/memory_tree.h"

namespace synod::storage {

// All columns of one state; copying it is a snapshot.
using MemoryImage = std::array<MemoryTree, kColumns>;

// Named durable images: what directories are to RocksDB. Thread-safe.
class MemoryDisk {
 public:
  // Empty when there is none.
  MemoryImage Load(const std::string& dir) const;
  void Store(const std::string& dir, MemoryImage image);
  // AlreadyExists when `dir` is taken.
  absl::Status StoreNew(const std::string& dir, MemoryImage image);

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, MemoryImage> images_ ABSL_GUARDED_BY(mutex_);
};

// Starts from what the last Flush of an engine with this disk and `dir` left.
std::unique_ptr<Engine> OpenMemoryEngine(std::shared_ptr<MemoryDisk> disk,
                                         const std::string& dir = "engine");

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_
