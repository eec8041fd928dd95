#include "services/kv/state_hash.h"

#include <xxhash.h>

#include <memory>
#include <string>

#include "common/bytes.h"
#include "services/kv/format.h"
#include "services/kv/versions.h"

namespace synod::kv {
namespace {

using storage::Column;

class Hasher {
 public:
  Hasher() { XXH3_64bits_reset(state_.get()); }

  void Add(int64_t number) { XXH3_64bits_update(state_.get(), &number, sizeof number); }
  void Add(absl::string_view bytes) {
    Add(static_cast<int64_t>(bytes.size()));
    XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
  }
  void Add(const Version& version) {
    Add(version.position.revision);
    Add(version.position.sub);
    Add(version.create_revision);
    Add(version.version);
    Add(version.lease);
    Add(version.value);
  }
  uint32_t Finish() const { return static_cast<uint32_t>(XXH3_64bits_digest(state_.get())); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
};

absl::Status HashNewest(const storage::EngineReader& reader, Revision floor, Hasher& hasher) {
  const auto it = reader.NewIterator(Column::kCurrent, "", "");
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    Newest newest;
    if (!DecodeNewest(it->value(), &newest)) return DamagedRecord("version", it->key());
    if (!newest.version.live() && newest.version.mod_revision() <= floor) continue;
    hasher.Add(it->key());
    hasher.Add(newest.version);
  }
  return it->status();
}

absl::Status HashHistory(const storage::EngineReader& reader, Revision floor, Hasher& hasher) {
  const auto it = reader.NewIterator(Column::kHistory, HistoryKey({floor + 1, 0}), "");
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    Position position;
    HistoryRecord record;
    if (!DecodeHistoryKey(it->key(), &position) || !DecodeHistory(position, it->value(), &record)) {
      return DamagedRecord("history record", it->key());
    }
    hasher.Add(record.key);
    hasher.Add(record.written);
    const bool readable =
        record.replaced && (record.replaced->live() || record.replaced->mod_revision() > floor);
    hasher.Add(readable ? *record.replaced : Version());
  }
  return it->status();
}

}  // namespace

absl::StatusOr<uint32_t> HashState(const storage::EngineReader& reader) {
  std::string bytes;
  const absl::StatusOr<bool> found = reader.Get(Column::kMeta, kStateKey, &bytes);
  if (!found.ok()) return found.status();
  State state;
  if (!*found || !DecodeState(bytes, &state)) return DamagedRecord("state", kStateKey);

  Hasher hasher;
  hasher.Add(state.revision);
  hasher.Add(state.floor);
  absl::Status status = HashNewest(reader, state.floor, hasher);
  if (status.ok()) status = HashHistory(reader, state.floor, hasher);
  if (!status.ok()) return status;
  return hasher.Finish();
}

}  // namespace synod::kv
