// What an acceptor must remember: the records its log makes durable, and the state they add up to.
#ifndef SYNOD_SERVICES_PAXOS_RECORD_H_
#define SYNOD_SERVICES_PAXOS_RECORD_H_

#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/message.h"
#include "services/paxos/value.h"

namespace synod::paxos {

// "I promise to accept nothing below this ballot" (phase 1b). Before a candidate sends Prepare it
// makes the promise to itself: no restart may use a ballot twice.
struct PromiseRecord {
  Ballot ballot;
};

// "I accepted this value at this ballot" (phase 2b). Implies a promise of the ballot.
// chosen_through is a hint for restart; it may lag.
struct AcceptedRecord {
  Slot slot;
  Ballot ballot;
  Value value;
  Slot chosen_through;
};

// "This value is chosen", learned from a peer. Replaces whatever was accepted in the slot. Written
// only for the slot next to the own chosen prefix: it proves that what the log holds in every slot
// up to this one is chosen.
struct LearnedRecord {
  Slot slot;
  Value value;
};

// "This log may vote" (founding.h). `instances`: the logs of the other voters, as far as this node
// knows them; one that calls itself differently later has lost its memory.
struct FoundedRecord {
  std::map<NodeId, uint64_t> instances;
};

// "Votes that damage may have hidden no longer matter": ends RecoveredState::lost_through.
struct RepairedRecord {};

using RecordBody =
    std::variant<PromiseRecord, AcceptedRecord, LearnedRecord, FoundedRecord, RepairedRecord>;

struct Record {
  GroupId group;
  RecordBody body;
};

// One group's state after reading its log.
struct RecoveredState {
  Ballot promised;

  // Every slot at or below is known to be chosen, and either applied in the state engine or present
  // in `chosen`.
  Slot chosen_through;

  // Applied and durable in the state engine when the process started.
  Slot applied;

  // Slots applied+1 .. chosen_through, without gaps.
  std::vector<ChosenValue> chosen;

  // Slots above chosen_through, ascending, gaps allowed; per slot the highest ballot's value.
  std::vector<AcceptedValue> accepted;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_RECORD_H_
