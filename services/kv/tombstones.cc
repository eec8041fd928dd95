#include "services/kv/tombstones.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "services/kv/versions.h"

namespace synod::kv {
namespace {

constexpr size_t kSweepAtLeast = 64;

// Takes the tombstone that `key` had at `position` away, unless the key has been put again.
absl::Status Sweep(WriteSet& writes, Position position, absl::string_view key) {
  std::string bytes;
  const absl::StatusOr<bool> found = writes.GetNewest(key, &bytes);
  if (!found.ok()) return found.status();
  Newest newest;
  if (*found && !DecodeNewest(bytes, &newest)) return DamagedRecord("version", key);
  if (*found && newest.version.position == position) writes.EraseNewest(key);
  writes.EraseTombstone(position);
  return absl::OkStatus();
}

}  // namespace

absl::Status SweepTombstones(const storage::Engine& engine, WriteSet& writes, State& state) {
  const Position last{state.floor, std::numeric_limits<uint32_t>::max()};
  if (state.floor < 0 || state.swept >= last) return absl::OkStatus();

  size_t budget = kSweepAtLeast + 2 * writes.changes();
  // What is freed is left to the engine's reader; tombstones of this Apply wait for a later one.
  const auto it = engine.NewIterator(storage::Column::kMeta,
                                     TombstoneKey({state.swept.revision, state.swept.sub}),
                                     TombstoneKey({state.floor + 1, 0}));
  for (it->SeekToFirst(); it->Valid() && budget > 0; it->Next(), --budget) {
    Position position;
    if (!DecodeTombstoneKey(it->key(), &position)) return DamagedRecord("tombstone", it->key());
    const absl::Status status = Sweep(writes, position, it->value());
    if (!status.ok()) return status;
    state.swept = position;
  }
  if (!it->status().ok()) return it->status();
  if (!it->Valid() && writes.oldest_change() > state.floor) state.swept = last;
  return absl::OkStatus();
}

}  // namespace synod::kv
