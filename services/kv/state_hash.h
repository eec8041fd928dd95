// One number for all a replica can still be asked about.
#ifndef SYNOD_SERVICES_KV_STATE_HASH_H_
#define SYNOD_SERVICES_KV_STATE_HASH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "services/storage/engine.h"

namespace synod::kv {

// Over revision, floor, the newest version of every key and every change above the floor; not over
// slots, dropped history or swept tombstones. XXH3, lower 32 bits. Reads everything. Status codes:
// versions.h.
absl::StatusOr<uint32_t> HashState(const storage::EngineReader& reader);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_STATE_HASH_H_
