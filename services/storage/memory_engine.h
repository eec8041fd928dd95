// An Engine in memory, for the simulator and for tests: deterministic, snapshots in O(1), volatile
// until Flush.
//
// The durable state is a MemoryDisk that outlives the engine. To crash, destroy the engine without
// Flush and open another one on the same disk.
//
// Thread-safety: as Engine.
#ifndef SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_
#define SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/storage/engine.h"
#include "services/storage/memory_disk.h"

namespace synod::storage {

// Starts from what the last Flush of an engine with this disk and `dir` left, or from a checkpoint
// put there. DataLoss when that is damaged.
absl::StatusOr<std::unique_ptr<Engine>> OpenMemoryEngine(std::shared_ptr<MemoryDisk> disk,
                                                         const std::string& dir = "engine");

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MEMORY_ENGINE_H_
