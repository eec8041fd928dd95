// The bytes of the state machine in the engine. docs/storage.md, "MVCC layout", has the tables.
//
//   kCurrent  key                      -> the key's newest version or tombstone, and its skip path
//   kHistory  revision, sub            -> key, the version written and the version it replaced
//   kMeta     "kv.format", "kv.state"  -> format number; applied slot, revision, compaction floor
//             "kv.alarms"            -> the alarms; absent when there never was one
//             "kv.tombstone." position -> key: the tombstones, in the order compaction frees them
//             "kv.configurations"    -> who the members are (StateMachine::configurations)
//
// Numbers in values are little-endian (common/bytes.h); positions in keys are big-endian, so that
// bytewise order is numeric order. Decoders never read outside their input and return false for
// bytes that no encoder wrote; what they return points into the input.
#ifndef SYNOD_SERVICES_KV_FORMAT_H_
#define SYNOD_SERVICES_KV_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/kv/position.h"
#include "services/kv/types.h"

namespace synod::kv {

inline constexpr uint32_t kStateFormat = 1;
inline constexpr char kFormatKey[] = "kv.format";
inline constexpr char kStateKey[] = "kv.state";
inline constexpr char kAlarmsKey[] = "kv.alarms";
inline constexpr char kConfigurationsKey[] = "kv.configurations";

// One version of a key: what a put wrote, or the tombstone of a delete.
struct Version {
  Position position;
  Revision create_revision = 0;
  int64_t version = 0;  // zero: a tombstone, with no lease and no value
  int64_t lease = 0;
  absl::string_view value;

  bool live() const { return version != 0; }
  Revision mod_revision() const { return position.revision; }
};

KeyValue ToKeyValue(absl::string_view key, const Version& version);

struct Newest {
  Version version;
  absl::string_view path;  // SkipPath's bytes
};
std::string EncodeNewest(const Newest& newest);
bool DecodeNewest(absl::string_view bytes, Newest* newest);

struct HistoryRecord {
  absl::string_view key;
  Version written;
  std::optional<Version> replaced;  // none: the key was not there, nor a tombstone of it
  Position jump;                    // SkipPath::jump
};
// The position is not in the value: it is the key.
std::string EncodeHistory(const HistoryRecord& record);
bool DecodeHistory(Position position, absl::string_view bytes, HistoryRecord* record);
std::string HistoryKey(Position position);
bool DecodeHistoryKey(absl::string_view key, Position* position);

std::string TombstoneKey(Position position);
bool DecodeTombstoneKey(absl::string_view key, Position* position);

// What every Apply rewrites.
struct State {
  Slot applied;
  Revision revision = 1;
  Revision floor = -1;  // of compaction: etcd's compact revision, -1 before the first
  Position swept;       // tombstones up to here, if not newer than the floor, are gone
};
std::string EncodeState(const State& state);
bool DecodeState(absl::string_view bytes, State* state);

std::string EncodeFormat();
bool DecodeFormat(absl::string_view bytes, uint32_t* format);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_FORMAT_H_
