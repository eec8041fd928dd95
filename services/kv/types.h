// etcd's data model as plain values: what the state machine takes and gives.
//
// Field meanings and limits are etcd v3's (README.md lists what is served). No protobuf here:
// rpc translates. Every field has an initialiser, so that designated ones may be left out.
// Revisions are int64 as on etcd's wire; the empty store has revision 1.
#ifndef SYNOD_SERVICES_KV_TYPES_H_
#define SYNOD_SERVICES_KV_TYPES_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"

namespace synod::kv {

using Revision = int64_t;

struct KeyValue {
  std::string key{};
  std::string value{};
  Revision create_revision = 0;
  Revision mod_revision = 0;
  int64_t version = 0;
  int64_t lease = 0;

  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

enum class SortOrder : uint8_t { kNone, kAscend, kDescend };
enum class SortTarget : uint8_t { kKey, kVersion, kCreate, kMod, kValue };

struct RangeRequest {
  std::string key{};
  std::string range_end{};
  int64_t limit = 0;
  Revision revision = 0;
  SortOrder sort_order = SortOrder::kNone;
  SortTarget sort_target = SortTarget::kKey;
  bool serializable = false;
  bool keys_only = false;
  bool count_only = false;
  Revision min_mod_revision = 0;
  Revision max_mod_revision = 0;
  Revision min_create_revision = 0;
  Revision max_create_revision = 0;
};

struct RangeResponse {
  std::vector<KeyValue> kvs{};
  bool more = false;
  int64_t count = 0;
};

struct PutRequest {
  std::string key{};
  std::string value{};
  int64_t lease = 0;
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
};

struct PutResponse {
  std::optional<KeyValue> prev_kv{};
};

struct DeleteRangeRequest {
  std::string key{};
  std::string range_end{};
  bool prev_kv = false;
};

struct DeleteRangeResponse {
  int64_t deleted = 0;
  std::vector<KeyValue> prev_kvs{};
};

enum class CompareResult : uint8_t { kEqual, kGreater, kLess, kNotEqual };
enum class CompareTarget : uint8_t { kVersion, kCreate, kMod, kValue, kLease };

struct Compare {
  CompareResult result = CompareResult::kEqual;
  CompareTarget target = CompareTarget::kVersion;
  std::string key{};
  std::string range_end{};
  int64_t number = 0;   // version, create, mod or lease
  std::string value{};  // kValue only
};

struct TxnRequest;
using Operation = std::variant<RangeRequest, PutRequest, DeleteRangeRequest, TxnRequest>;

struct TxnRequest {
  std::vector<Compare> compare{};
  std::vector<Operation> success{};
  std::vector<Operation> failure{};
};

struct TxnResponse;
using OperationResponse =
    std::variant<RangeResponse, PutResponse, DeleteRangeResponse, TxnResponse>;

struct TxnResponse {
  bool succeeded = false;
  std::vector<OperationResponse> responses{};
};

struct CompactRequest {
  Revision revision = 0;
  bool physical = false;
};

struct CompactResponse {};

enum class AlarmType : uint8_t { kNone, kNoSpace, kCorrupt };

// What a member complains of, or somebody in its name. In force until it is deactivated.
struct Alarm {
  NodeId member;
  AlarmType type = AlarmType::kNone;

  friend auto operator<=>(const Alarm&, const Alarm&) = default;
};

enum class AlarmAction : uint8_t { kActivate, kDeactivate };

struct AlarmRequest {
  AlarmAction action = AlarmAction::kActivate;
  Alarm alarm{};
};

struct AlarmResponse {
  std::vector<Alarm> alarms{};
};

// What goes into a store's hash. Members that hash otherwise cannot be compared: it rises with
// every change of state_hash.cc.
inline constexpr uint32_t kHashForm = 1;

// One number for what can be read of the store from the compaction floor to a revision.
struct HashResponse {
  uint32_t hash = 0;
  Revision compact_revision = 0;
  Revision revision = 0;
};

// What can travel through the log. (Read-only transactions and ranges never do.)
using Request =
    std::variant<PutRequest, DeleteRangeRequest, TxnRequest, CompactRequest, AlarmRequest>;
using Response =
    std::variant<PutResponse, DeleteRangeResponse, TxnResponse, CompactResponse, AlarmResponse>;

// Why the state machine refuses a request; rpc/error_table gives etcd's code and text for each.
enum class Error : uint8_t {
  kNone,
  kEmptyKey,
  kKeyNotFound,
  kValueProvided,
  kLeaseProvided,
  kTooManyOps,
  kDuplicateKey,
  kInvalidSortOption,
  kCompacted,
  kFutureRevision,
  kLeaseNotFound,
  kNoSpace,  // an alarm is raised: alarms.h
  kCorrupt,  // an alarm is raised; or the engine could not read its own data, and the node stops
  kGivenUp,  // a read only: whoever asked for it said so (GiveUp, state_machine.h)
};

// The outcome of one applied command; the same on every replica.
struct Result {
  Error error = Error::kNone;
  Response response;      // meaningful when error is kNone
  Revision revision = 0;  // of the store after the command: the response header's revision
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_TYPES_H_
