// What an acceptor must remember: the records its log makes durable, and the state they add up to.
#ifndef SYNOD_SERVICES_PAXOS_RECORD_H_
#define SYNOD_SERVICES_PAXOS_RECORD_H_

#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
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

// "These are the other voters' logs that this one has met": remembered before it tells them so,
// also by a log that may not vote yet (founding.h).
struct MetRecord {
  std::map<NodeId, uint64_t> instances;
};

// "This log may vote" (founding.h). `instances`: the logs of the other voters, as far as this node
// knows them; one that calls itself differently later has lost its memory.
struct FoundedRecord {
  std::map<NodeId, uint64_t> instances;
};

// "Votes that damage may have hidden no longer matter": ends RecoveredState::lost_through.
struct RepairedRecord {};

using RecordBody = std::variant<PromiseRecord, AcceptedRecord, LearnedRecord, MetRecord,
                                FoundedRecord, RepairedRecord>;

struct Record {
  GroupId group;
  RecordBody body;
};

// One group's state after reading its log.
struct RecoveredState {
  Ballot promised;

  // Applied and durable in the state engine when the process started.
  Slot applied;

  // At or below this slot the log has forgotten its votes, since all there is chosen; above
  // `applied` when the state engine was lost, and then a snapshot must come.
  Slot vote_floor;

  // Known to be chosen, above `applied`, ascending. Gaps are allowed: what damage took must be
  // learned again.
  std::vector<ChosenValue> chosen;

  // Votes in other slots above `applied`, ascending; per slot the highest ballot's value.
  std::vector<AcceptedValue> accepted;

  // What the log can no longer read (message.h).
  std::vector<UnknownVote> unknown;
  Ballot lost_through;

  // founding.h
  uint64_t instance = 0;
  bool founded = false;
  std::map<NodeId, uint64_t> instances;

  // As of `applied`. Empty for a node that joins and has no state yet; `contacts` are then the
  // members it may ask for a snapshot.
  ConfigurationHistory configurations;
  std::vector<NodeId> contacts;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_RECORD_H_
