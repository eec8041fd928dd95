// One number for all that a replica can still be asked about.
#ifndef SYNOD_SERVICES_KV_STATE_HASH_H_
#define SYNOD_SERVICES_KV_STATE_HASH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "services/kv/state_machine.h"
#include "services/kv/types.h"
#include "services/kv/versions.h"
#include "services/storage/engine.h"

namespace synod::kv {

// Which part of the history counts: everything that can be read at a revision of [floor, revision].
struct HashedRange {
  Revision floor = -1;
  Revision revision = 0;
};

// Over the bounds, the keys live at `revision` and every change above the floor up to it; not over
// slots, dropped history, swept tombstones or what came later. XXH3, lower 32 bits. `versions` are
// those of `reader`. Status codes: versions.h, and Cancelled when given up.
absl::StatusOr<uint32_t> HashStore(const storage::EngineReader& reader, const Versions& versions,
                                   HashedRange range, GiveUp give_up);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_STATE_HASH_H_
