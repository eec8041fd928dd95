// Frees the tombstones that compaction has made unreadable, a bounded number per Apply.
//
// Invisible: no read at or above the floor, no result and no hash tells whether a tombstone at or
// below the floor has been swept. So replicas may be at different points of it.
#ifndef SYNOD_SERVICES_KV_TOMBSTONES_H_
#define SYNOD_SERVICES_KV_TOMBSTONES_H_

#include "absl/status/status.h"
#include "services/kv/format.h"
#include "services/kv/write_set.h"
#include "services/storage/engine.h"

namespace synod::kv {

// Adds to `writes` the next deletions, and moves `state.swept` on. Does more the more `writes`
// changes, so that it keeps up with any mix of deletes.
absl::Status SweepTombstones(const storage::Engine& engine, WriteSet& writes, State& state);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_TOMBSTONES_H_
