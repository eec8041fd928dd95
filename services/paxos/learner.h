// The learner: which values are chosen, handed out in slot order without gaps.
//
// Invariant: chosen_through() never falls and every value up to it has been handed out once.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_LEARNER_H_
#define SYNOD_SERVICES_PAXOS_LEARNER_H_

#include <map>
#include <vector>

#include "common/ids.h"
#include "services/paxos/acceptor.h"
#include "services/paxos/ballot.h"
#include "services/paxos/message.h"
#include "services/paxos/value.h"

namespace synod::paxos {

class Learner {
 public:
  explicit Learner(Slot chosen_through) : chosen_through_(chosen_through) {}

  // The value of the slot is chosen; slots may come in any order and repeatedly. How many may wait
  // for a gap to close is the caller's bound (the proposer's window).
  void Choose(Slot slot, Value value);

  // The leader of `ballot` says that everything through `watermark` is chosen. What this node
  // accepted at that very ballot is then the chosen value: a ballot proposes one value per slot,
  // and it is the chosen one if one was chosen below (Paxos Made Simple, section 2.2, P2b). What
  // was accepted at another ballot proves nothing and is left to catch-up.
  void OnWatermark(Slot watermark, const Ballot& ballot, const Acceptor& acceptor);

  // Newly chosen values, contiguous with what was taken before.
  std::vector<ChosenValue> TakeChosen();
  bool HasChosen() const { return !ready_.empty(); }

  // Everything through the slot is chosen and its effect known from elsewhere (a snapshot): nothing
  // of it is handed out any more. No effect below chosen_through().
  void JumpTo(Slot slot);

  // Chosen, above a gap.
  const std::map<Slot, Value>& waiting() const { return waiting_; }

  Slot chosen_through() const { return chosen_through_; }

 private:
  void Advance(Slot slot, Value value);
  void AdvanceOverWaiting();

  Slot chosen_through_;
  std::map<Slot, Value> waiting_;
  std::vector<ChosenValue> ready_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_LEARNER_H_
