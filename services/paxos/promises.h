// What phase 1 has gathered: who has promised, and what that says about each slot. Paxos Made
// Simple, section 2.2 (P2c), for all slots at once (section 3).
//
// A promise does not count for a slot in which it may hide a vote that matters
// (Alagappan et al. 2018, section 3.4: an entry that cannot be read is discarded only when a
// majority says that it was never there). It matters no more once a vote at the same or a higher
// ballot is known in the slot: an equal ballot means the same value, a lower one decides nothing.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_PROMISES_H_
#define SYNOD_SERVICES_PAXOS_PROMISES_H_

#include <map>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"

namespace synod::paxos {

class Promises {
 public:
  // A later promise of the same node counts instead of an earlier one; votes once told stay told.
  void Add(NodeId from, const Promise& promise);

  const Tally& promised_by() const { return promised_by_; }

  // Some promise said that everything through here is chosen; values that a node misses of it must
  // be learned.
  Slot chosen_floor() const { return chosen_floor_; }

  // True when the node's promise does not tell all of this slot.
  bool Hides(NodeId node, Slot slot) const {
    return lost_.contains(node) || BoundOfUntold(node, slot).has_value();
  }

  // The highest slot above the floor in which somebody has voted, or says that it may have; Slot()
  // when none. Votes lost anywhere are not among them.
  Slot last_touched() const;

  // True when a quorum of the configuration knows how it voted in this slot. Precondition: the slot
  // lies above chosen_floor().
  bool Know(const Configuration& configuration, Slot slot) const;

  // True when no promise hides anything.
  bool Intact() const { return untold_.empty() && lost_.empty(); }

  // The value to propose in the slot; null when nobody voted there.
  const Value* Bound(Slot slot) const;

  // Nothing at or below this slot is asked for again.
  void ForgetThrough(Slot slot);

 private:
  std::optional<Ballot> BoundOfUntold(NodeId node, Slot slot) const;

  Tally promised_by_;
  Slot chosen_floor_;
  std::map<Slot, AcceptedValue> bound_;                // per slot the vote of highest ballot
  std::map<NodeId, std::vector<UntoldVotes>> untold_;  // none is empty
  std::map<NodeId, Ballot> lost_;  // who may have lost votes anywhere, the bound
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_PROMISES_H_
