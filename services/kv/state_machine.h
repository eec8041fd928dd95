// The replicated state: etcd's MVCC store over an Engine. Deterministic: the same commands at the
// same slots give the same state and the same results on every replica.
//
// Invariants:
//   1. One atomic engine write per Apply holds its effects and the applied slot.
//   2. A view shows the state after some whole Apply, never between.
//   3. Apply of a slot at or below applied() changes nothing (replay after a crash).
//
// Thread-safety: View, Refuses and Hash from any thread; the first two never wait for an Apply. All
// else from one.
#ifndef SYNOD_SERVICES_KV_STATE_MACHINE_H_
#define SYNOD_SERVICES_KV_STATE_MACHINE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/ids.h"
#include "services/kv/types.h"
#include "services/storage/engine.h"

namespace synod::kv {

// A read that failed: etcd's refusals only; a failing disk is kCorrupt.
template <class T>
struct ReadResult {
  Error error = Error::kNone;
  T response;
};

// Whether nobody waits for a read any more. Asked every few hundred keys that it looks at, on the
// thread that reads; true ends it with kGivenUp.
using GiveUp = absl::FunctionRef<bool()>;

// The store frozen after one Apply. Thread-safe; cheap to hold for the length of a request, not
// longer (it pins engine files).
class ReadView {
 public:
  virtual ~ReadView() = default;
  virtual Slot applied() const = 0;
  virtual Revision revision() const = 0;
  virtual Revision compact_revision() const = 0;

  // Precondition: Validate(request) is kNone.
  virtual ReadResult<RangeResponse> Range(const RangeRequest& request, GiveUp give_up) const = 0;
  ReadResult<RangeResponse> Range(const RangeRequest& request) const {
    return Range(request, [] { return false; });
  }

  // Precondition: Validate is kNone and IsReadOnly(request).
  virtual ReadResult<TxnResponse> Txn(const TxnRequest& request, GiveUp give_up) const = 0;
  ReadResult<TxnResponse> Txn(const TxnRequest& request) const {
    return Txn(request, [] { return false; });
  }

  // Over the keys as they were at `revision`, or the newest for 0 and less, and over every change
  // from the compaction floor up to it. Equal on replicas that were asked for the same revision and
  // have the same floor, whatever they have applied since; not etcd's number. Reads everything, in
  // constant memory. kCompacted also when a compaction came while it read.
  virtual ReadResult<HashResponse> Hash(Revision revision, GiveUp give_up) const = 0;

  // The alarms of `type`, or all for kNone; by member.
  virtual ReadResult<AlarmResponse> Alarms(AlarmType type) const = 0;
};

// The commands of one slot, in order. Empty for no-ops and configurations.
struct SlotCommands {
  Slot slot;
  std::vector<absl::string_view> commands;

  // What StateMachine::configurations() is from this slot on; empty: what it was.
  absl::string_view configurations = {};
};

class StateMachine {
 public:
  struct Options {
    size_t cache_bytes = 64 << 20;  // of recently written versions; changes speed only
  };

  // Loads what the engine holds. DataLoss when that does not add up; FailedPrecondition when a
  // newer format wrote it. The engine outlives the state machine.
  static absl::StatusOr<std::unique_ptr<StateMachine>> Open(storage::Engine* engine,
                                                            const Options& options);
  static absl::StatusOr<std::unique_ptr<StateMachine>> Open(storage::Engine* engine) {
    return Open(engine, Options());
  }

  virtual ~StateMachine() = default;

  virtual Slot applied() const = 0;

  // Who the members are: bytes that are kept for those who know what they mean, part of the state.
  // Empty until they were given.
  virtual const std::string& configurations() const = 0;

  // Applies consecutive slots, the first being applied()+1 or lower (replays are skipped). Results
  // in order, one per command of the slots that were not skipped. An undecodable command has the
  // result kCorrupt on every replica and no effect. Not OK only when the engine fails: stop.
  virtual absl::StatusOr<std::vector<Result>> Apply(absl::Span<const SlotCommands> slots) = 0;

  virtual std::shared_ptr<const ReadView> View() const = 0;

  // What Apply would answer now because of an alarm; kNone when none stands against it. Cheap, so
  // that a write that is bound to be refused need not take room in the log first.
  virtual Error Refuses(const Request& request) const = 0;

  // The applied slot that would survive a crash now. Also lets go of the history below a compaction
  // floor that would survive; call it now and then, from the thread that applies.
  virtual absl::StatusOr<Slot> DurableApplied() = 0;

  // ReadView::Hash of the newest revision, for tests and the simulator.
  virtual absl::StatusOr<uint32_t> Hash() const = 0;
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_STATE_MACHINE_H_
