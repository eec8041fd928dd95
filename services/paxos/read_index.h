// Linearizable reads without a write: the leader fixes the slot, then a quorum confirms that nobody
// has replaced it. Ongaro 2014, section 6.4; the ballot stands where that text has a term.
//
// Invariants:
//   1. The confirming round starts after the read arrived: an answer to an earlier heartbeat says
//      nothing about a leader elected since.
//   2. The slot is taken when the round starts, before anything else is looked at.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_READ_INDEX_H_
#define SYNOD_SERVICES_PAXOS_READ_INDEX_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/configuration.h"

namespace synod::paxos {

// The leader's side: one round at a time, shared by all reads that were waiting when it started.
class ReadRounds {
 public:
  struct Reader {
    NodeId node;
    uint64_t read_id = 0;
  };
  struct Confirmed {
    Slot slot;
    std::vector<Reader> readers;
  };

  explicit ReadRounds(size_t max_waiting) : max_waiting_(max_waiting) {}

  // False when too many wait.
  bool Add(Reader reader);

  // True when reads wait and no round is under way.
  bool Due() const { return !under_way_ && !waiting_.empty(); }

  // Starts a round at `slot` for everyone waiting; its heartbeats must go out. `configuration`
  // governs the slot behind it: whoever chose that one at a higher ballot had a quorum of it.
  // Precondition: Due().
  void Start(Slot slot, std::shared_ptr<const Configuration> configuration);

  // A voter (the leader itself included) stands by the leader in this round. The readers when that
  // completes a quorum.
  std::optional<Confirmed> OnAnswer(NodeId from, uint64_t round);

  // What heartbeats carry: the round under way, or the last one.
  uint64_t round() const { return round_; }

 private:
  size_t max_waiting_;
  std::vector<Reader> waiting_;
  uint64_t round_ = 1;  // 0 on the wire means "no answer wanted"
  bool under_way_ = false;
  Slot slot_;
  std::shared_ptr<const Configuration> configuration_;
  std::vector<Reader> readers_;
  Tally answered_;
};

// The asking side, on every node: reads without an answer yet. Ids on the wire carry a nonce of
// this life, so that an answer to a question of an earlier life is not taken for one of this
// life's.
class ReadRequests {
 public:
  ReadRequests(uint64_t first_wire_id, size_t max_open)
      : next_wire_id_(first_wire_id), max_open_(max_open) {}

  // The id to send; nothing when too many are open.
  std::optional<uint64_t> Open(uint64_t read_id);

  // The driver's id that the answer belongs to; nothing for a repetition.
  std::optional<uint64_t> Close(uint64_t wire_id);

  // Ids that are still open, to be asked again.
  std::vector<uint64_t> OpenIds() const;

  void Clear() { open_.clear(); }

 private:
  uint64_t next_wire_id_;
  size_t max_open_;
  std::map<uint64_t, uint64_t> open_;  // wire id -> driver's id
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_READ_INDEX_H_
