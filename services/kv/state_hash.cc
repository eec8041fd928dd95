#include "services/kv/state_hash.h"

#include <xxhash.h>

#include <memory>

#include "services/kv/format.h"

namespace synod::kv {
namespace {

using storage::Column;

constexpr int kRecordsBetweenQuestions = 256;

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

absl::Status HashLive(const Versions& versions, Revision revision, Hasher& hasher) {
  constexpr absl::string_view kEverything("\0", 1);
  return WalkLive(versions, {"", kEverything}, revision,
                  [&hasher](absl::string_view key, const Version& version) {
                    hasher.Add(key);
                    hasher.Add(version);
                    return true;
                  });
}

absl::Status HashHistory(const storage::EngineReader& reader, HashedRange range, GiveUp give_up,
                         Hasher& hasher) {
  const auto it = reader.NewIterator(Column::kHistory, HistoryKey({range.floor + 1, 0}),
                                     HistoryKey({range.revision + 1, 0}));
  int records = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (++records % kRecordsBetweenQuestions == 0 && give_up()) {
      return absl::CancelledError("nobody waits for this hash");
    }
    Position position;
    HistoryRecord record;
    if (!DecodeHistoryKey(it->key(), &position) || !DecodeHistory(position, it->value(), &record)) {
      return DamagedRecord("history record", it->key());
    }
    hasher.Add(record.key);
    hasher.Add(record.written);
    const bool readable = record.replaced && (record.replaced->live() ||
                                              record.replaced->mod_revision() > range.floor);
    hasher.Add(readable ? *record.replaced : Version());
  }
  return it->status();
}

}  // namespace

absl::StatusOr<uint32_t> HashStore(const storage::EngineReader& reader, const Versions& versions,
                                   HashedRange range, GiveUp give_up) {
  Hasher hasher;
  hasher.Add(range.revision);
  hasher.Add(range.floor);
  absl::Status status = HashLive(versions, range.revision, hasher);
  if (status.ok()) status = HashHistory(reader, range, give_up, hasher);
  if (!status.ok()) return status;
  return hasher.Finish();
}

}  // namespace synod::kv
