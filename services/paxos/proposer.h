// The proposer of one ballot: phase 1 for all slots at once, then phase 2 pipelined in a window.
// Paxos Made Simple, sections 2.2 and 3. A node that tries a new ballot makes a new Proposer.
//
// Invariants:
//   1. It proposes one value per slot, and only when a quorum of the configuration that governs the
//      slot has promised and knows how it voted there (promises.h).
//   2. In a slot where promises reported votes it proposes the value of highest ballot reported;
//      in a slot below such a one that no promise reported, a no-op (section 3: filling the gap);
//      and one more no-op behind them, the barrier.
//   3. It proposes slot s only when everything through s - window is chosen (the α of section 3),
//      and nothing new while as many bytes as the window allows are in flight.
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
#include "services/paxos/promises.h"

namespace synod::paxos {

class Proposer {
 public:
  // `configurations` outlives the proposer and is told of every chosen slot before it is.
  Proposer(const ConfigurationHistory* configurations, Ballot ballot, uint64_t window,
           size_t window_bytes);

  // Phase 1. True when this promise makes the ballot lead: a quorum of every configuration that can
  // govern a slot above `chosen_through`, this node's own watermark. Later promises count where
  // earlier ones do not suffice: for a configuration chosen since, and where votes are unknown.
  bool OnPromise(NodeId from, const Promise& promise, Slot chosen_through);
  bool leads() const { return leads_; }
  // Whose promise may still be missing, or does not tell of the next slot: to be asked again.
  std::vector<NodeId> Unpromised(Slot chosen_through) const;
  // False while promises are missing for the next slot.
  bool Informed() const;

  // After phase 1: a slot of this ballot's own. Nothing chosen at a lower ballot lies at or above
  // it; once it is chosen and everything below it applied, this node knows all there is to know and
  // may serve. It moves on when it turns out to have been chosen by others, which only promises
  // that forgot votes could hide.
  Slot barrier() const { return barrier_; }

  // True when nothing chosen at a lower ballot lies above `chosen_through`, in whatever
  // configuration: it is at or above the barrier, and every quorum knows how it voted.
  bool Settled(Slot chosen_through) const;

  Slot chosen_floor() const { return promises_.chosen_floor(); }

  // Phase 2. `chosen_through` is this node's own watermark.
  bool CanPropose(Slot chosen_through) const;
  // True while slots up to barrier() remain to be proposed; they come before anything new.
  bool MustRepropose() const { return next_slot_ <= barrier_; }
  // The next slot that phase 1 bound. Preconditions: CanPropose and MustRepropose.
  Accept Repropose(Slot chosen_through, uint64_t now);
  // A new value in the next slot. Preconditions: CanPropose and not MustRepropose.
  Accept Propose(Value value, Slot chosen_through, uint64_t now);
  Slot next_slot() const { return next_slot_; }

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

  void SkipTo(Slot next);
  Accept Send(Value value, Slot chosen_through, uint64_t now);
  std::map<Slot, InFlight>::iterator Forget(std::map<Slot, InFlight>::iterator at);

  const ConfigurationHistory* configurations_;
  Ballot ballot_;
  uint64_t window_;
  size_t window_bytes_;

  Promises promises_;
  bool leads_ = false;
  Slot barrier_;

  Slot next_slot_{1};
  std::map<Slot, InFlight> in_flight_;  // proposed, not chosen yet; at most `window`
  size_t in_flight_bytes_ = 0;          // of their values
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_PROPOSER_H_
