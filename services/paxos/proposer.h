// The proposer of one ballot: phase 1 for all slots at once, then phase 2 pipelined in a window.
// Paxos Made Simple, sections 2.2 and 3. A node that tries a new ballot makes a new Proposer.
//
// Invariants:
//   1. It proposes one value per slot, and none before a quorum has promised.
//   2. In a slot that a promise reported, it proposes the value of highest ballot reported there;
//   in
//      one below such a slot that no promise reported, a no-op (section 3: filling the gap); and
//      one more no-op behind them, the barrier.
//   3. It proposes slot s only when everything through s - window is chosen (the α of section 3),
//   and
//      nothing new while as many bytes as the window allows are in flight.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_PROPOSER_H_
#define SYNOD_SERVICES_PAXOS_PROPOSER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"

namespace synod::paxos {

class Proposer {
 public:
  // `configuration` outlives the proposer.
  Proposer(const Configuration* configuration, Ballot ballot, uint64_t window, size_t window_bytes);

  // Phase 1. True when this promise completes the quorum: the ballot leads from here on.
  bool OnPromise(NodeId from, const Promise& promise);
  bool leads() const { return leads_; }

  // After phase 1. Nothing chosen at a lower ballot lies at or above the barrier: once it is chosen
  // and everything below it applied, this node knows all there is to know and may serve.
  Slot barrier() const { return barrier_; }

  // Some promise said that everything through here is chosen; values that this node misses of it
  // must be learned, they are not proposed again.
  Slot chosen_floor() const { return chosen_floor_; }

  // Phase 2. `chosen_through` is this node's own watermark.
  bool CanPropose(Slot chosen_through) const;
  // True while slots up to barrier() remain to be proposed; they come before anything new.
  bool MustRepropose() const { return next_slot_ <= barrier_; }
  // The next slot that phase 1 bound. Preconditions: CanPropose and MustRepropose.
  Accept Repropose(Slot chosen_through, uint64_t now);
  // A new value in the next slot. Preconditions: CanPropose and not MustRepropose.
  Accept Propose(Value value, Slot chosen_through, uint64_t now);

  // Phase 2b, in any order. The value when this vote completes the slot's quorum.
  std::optional<ChosenValue> OnAccepted(NodeId from, Slot slot);

  // Everything through the slot is chosen, whoever completed it.
  void ForgetThrough(Slot chosen_through);

  struct Resend {
    NodeId to;
    Accept accept;
  };
  // For the lowest `limit` slots that were sent `patience` ticks ago or earlier: an Accept to each
  // voter that has not answered. They count as sent at `now`.
  std::vector<Resend> TakeOverdue(uint64_t now, uint64_t patience, size_t limit,
                                  Slot chosen_through);

  Ballot ballot() const { return ballot_; }

 private:
  struct InFlight {
    Value value;
    Tally accepted_by;
    uint64_t sent_at = 0;
  };

  Accept Send(Value value, Slot chosen_through, uint64_t now);
  std::map<Slot, InFlight>::iterator Forget(std::map<Slot, InFlight>::iterator at);

  const Configuration* configuration_;
  Ballot ballot_;
  uint64_t window_;
  size_t window_bytes_;

  Tally promised_by_;
  bool leads_ = false;
  Slot chosen_floor_;  // chosen through here, as some promise said; learned where not known yet
  Slot barrier_;
  std::map<Slot, AcceptedValue> bound_;  // by promises; above chosen_floor_ once leading

  Slot next_slot_{1};
  std::map<Slot, InFlight> in_flight_;  // proposed, not chosen yet; at most `window`
  size_t in_flight_bytes_ = 0;          // of their values
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_PROPOSER_H_
