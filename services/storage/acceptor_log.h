// The acceptors' memory: one log for all groups of a process, in zero-filled, preallocated,
// recycled segments. Format: docs/storage.md.
//
// Not a state machine log: it knows promises, accepted and learned values, and which of them are
// cut; it does not know what is chosen beyond the hint in the records.
//
// Invariants:
//   1. When Sync returns OK, every record appended before is read back by every later Open, or that
//      Open says that it is lost: its slot and ballot (GroupLogState::unknown), or, where not even
//      those are left, up to which ballot anything may be missing (lost_through).
//   2. A record is never changed in place; the newest record of a slot with the highest ballot
//      wins, and a learned value wins over all.
//   3. Nothing above CutThrough's slot is ever dropped.
//
// Errors: the first failed write or sync is remembered and returned by every later call; what it
// left on disk is unknown, and the process must stop. A full disk is no such failure: space is
// allocated before anything is written into it, so Sync finds out before it begins (see there).
//
// Thread-safety: State, Append, Sync and CutThrough from one thread; the others from any.
#ifndef SYNOD_SERVICES_STORAGE_ACCEPTOR_LOG_H_
#define SYNOD_SERVICES_STORAGE_ACCEPTOR_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/ids.h"
#include "services/paxos/record.h"
#include "services/storage/env.h"

namespace synod::storage {

struct AcceptorLogOptions {
  std::string dir;
  ClusterId cluster;
  NodeId node;
  uint64_t segment_bytes = 64 << 20;  // 16 KiB to 1 GiB, a multiple of 4096; bounds a value

  // Segments zero-filled ahead of need by a thread of the log's own. With 0 there is no thread: one
  // is kept ahead all the same, and made inside Sync.
  int spare_segments = 1;

  // The instance of a log that is created now: the caller's random number.
  uint64_t new_instance = 0;
};

// What one group's records add up to. The caller (the node) combines it with the engine's applied
// slot into a paxos::RecoveredState.
struct GroupLogState {
  paxos::Ballot promised;
  // Highest chosen_through in any record, or slot of a learned one: the log's values through it are
  // chosen (record.h).
  Slot chosen_hint;
  Slot cut_through;

  bool founded = false;                  // by a FoundedRecord
  std::map<NodeId, uint64_t> instances;  // the newest MetRecord's or FoundedRecord's

  // Slots above cut_through of which the newest record is lost, ascending, each with a ballot up to
  // which votes may be missing; Ballot() when it was a learned value and no vote is. An older
  // record of the slot, if there is one, is a vote; it is not the chosen value, whatever the hint
  // says. Of every other slot from there through chosen_hint the log holds the value, but for
  // `reopened`.
  std::vector<paxos::UnknownVote> unknown;
  // Slots through chosen_hint, ascending, in which the log's value is a vote all the same: damage
  // had taken what was chosen there, and a vote was cast before that was known again.
  std::vector<Slot> reopened;
  // Votes up to this ballot may be missing in any slot above cut_through; until a RepairedRecord.
  paxos::Ballot lost_through;
};

enum class CutKind {
  kLazy,     // remembered when it frees a segment; a restart may come back to an earlier cut
  kDurable,  // durable when CutThrough returns
};

class AcceptorLog {
 public:
  // Opens or creates the log in options.dir. Damaged, short and missing segments do not keep it
  // from opening: what is lost in them is reported by State and damage. A torn tail of
  // unacknowledged bytes is dropped.
  //
  // FailedPrecondition when the directory belongs to another cluster or node or has a newer format.
  // DataLoss when it must not vote again: both copies of the promises or the identity are lost, or
  // its files are of different times. ResourceExhausted when the disk is full and a new segment is
  // needed before this log may be relied on.
  static absl::StatusOr<std::unique_ptr<AcceptorLog>> Open(Env* env, AcceptorLogOptions options);

  virtual ~AcceptorLog() = default;

  // Which log this is: drawn when the directory was made, the same for ever. 0 when its maker gave
  // none.
  virtual uint64_t instance() const = 0;

  // What Open found damaged, a line for each place, for the operator; empty when all is well.
  virtual std::vector<std::string> damage() const = 0;

  // Empty state for a group the log has never seen.
  virtual GroupLogState State(GroupId group) const = 0;

  // Buffers the records behind all earlier ones; durable after the next Sync. ResourceExhausted,
  // with nothing taken, after a Sync that found no space and before one that did.
  virtual absl::Status Append(absl::Span<const paxos::Record> records) = 0;

  // Writes and syncs what was appended: one sync however many records and groups.
  //
  // ResourceExhausted when the disk is full: what did not fit is still buffered and the log is
  // sound, so the caller tells nobody and tries again when there may be space. After any other
  // error the log refuses everything; the process must stop.
  virtual absl::Status Sync() = 0;

  // The disk is full, and what the log still takes goes into its reserve: a whole segment when this
  // turns true. Callers refuse what need not be written. It turns false when there is space again.
  virtual bool short_of_space() const = 0;

  // The values of consecutive slots from `first` on, each with its ballot (Ballot() for learned
  // ones), at most through `last` and about `max_bytes` (at least one). Stops before the first slot
  // without a record or whose newest record is lost or cannot be read. OutOfRange when `first` has
  // been cut or is such a lost one: who needs it needs a snapshot.
  virtual absl::StatusOr<std::vector<paxos::AcceptedValue>> ReadValues(GroupId group, Slot first,
                                                                       Slot last,
                                                                       size_t max_bytes) const = 0;

  // Slots above `first` that the log holds, ascending, gaps included; for recovery.
  virtual absl::StatusOr<std::vector<paxos::AcceptedValue>> ReadAbove(GroupId group,
                                                                      Slot first) const = 0;

  // Records of the group at or below `slot` are no longer needed; segments that hold nothing else
  // are recycled.
  virtual absl::Status CutThrough(GroupId group, Slot slot, CutKind kind = CutKind::kLazy) = 0;

  virtual uint64_t SizeBytes() const = 0;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ACCEPTOR_LOG_H_
