// What replicas say to one another: one plain struct per kind, each with its own contract.
//
// Messages may be lost, duplicated, delayed and reordered at will; nothing here relies on order.
// "Chosen watermark" (`chosen_through`) is always the sender's contiguous prefix of chosen slots.
#ifndef SYNOD_SERVICES_PAXOS_MESSAGE_H_
#define SYNOD_SERVICES_PAXOS_MESSAGE_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/value.h"

namespace synod::paxos {

// A value with the highest ballot at which an acceptor accepted it.
struct AcceptedValue {
  Slot slot;
  Ballot ballot;
  Value value;
};

struct ChosenValue {
  Slot slot;
  Value value;
};

// What an acceptor has forgotten of a slot: votes that it once gave there, at ballots up to
// `bound`. A bound of Ballot() means that no vote is missing: only whether the value that was
// accepted is the chosen one.
struct UnknownVote {
  Slot slot;
  Ballot bound;
};

// "Would a Prepare with this ballot be welcome?" Changes no state; sent before any Prepare so that
// a node that cannot lead disturbs nobody.
struct Probe {
  Ballot ballot;
  Slot chosen_through;
};

struct ProbeReply {
  Ballot ballot;  // the probe's
  bool welcome = false;
  Ballot promised;      // so that the candidate can choose a higher round
  Slot chosen_through;  // so that it can catch up first
};

// Phase 1a, once for all slots above the sender's chosen watermark (Paxos Made Simple, section 3).
struct Prepare {
  Ballot ballot;
  Slot chosen_through;
};

// Slots of which a promise does not tell all: its sender may have voted there, at ballots up to
// `bound`, for something that it does not tell.
struct UntoldVotes {
  Slot first;
  Slot last;
  Ballot bound;
};

// Phase 1b. `accepted` holds the values that this acceptor has accepted in slots above both
// watermarks, its own and the Prepare's, ascending. Below them the candidate knows the chosen
// values, or learns them.
//
// What is left out is said, so that nobody takes silence for "never accepted" (Alagappan et al.
// 2018, section 3.4): votes that a damaged log has forgotten, votes for which a message has no room
// (the sender tells of them when it is asked again), and slots whose chosen value the sender knows
// above a gap without its vote. Of those the bound is Ballot::Max(), and once the gap is closed the
// sender teaches the value.
struct Promise {
  Ballot ballot;
  Slot chosen_through;
  std::vector<AcceptedValue> accepted;
  Slot told_above = {};  // the higher watermark of the two; never below chosen_through
  std::vector<UntoldVotes> untold = {};  // ascending, not overlapping
  Ballot lost_through = {};  // votes at ballots up to this one may be missing from any slot
};

// Answers a Prepare, Accept or Heartbeat whose ballot is below the promise. An optimisation
// (Paxos Made Simple, section 2.5): safety does not need it.
struct Reject {
  Ballot ballot;    // the refused one
  Ballot promised;  // what stands in its way
};

// Phase 2a.
struct Accept {
  Ballot ballot;
  Slot slot;
  Value value;
  Slot chosen_through;
};

// Phase 2b.
struct Accepted {
  Ballot ballot;
  Slot slot;
};

// The leader lives; carries the watermark when no Accept does, and starts a read round.
struct Heartbeat {
  Ballot ballot;
  Slot chosen_through;
  uint64_t read_round = 0;  // 0: the watermark only, no answer wanted
  Slot cut_through;         // no member needs log entries at or below this one any more
  bool serves = false;      // everything chosen at lower ballots lies at or below chosen_through
  // The configuration chosen at this slot needs no former member any more.
  Slot sealed = {};
};

struct HeartbeatReply {
  Ballot ballot;
  uint64_t read_round = 0;  // the heartbeat's
  Slot chosen_through;
  Slot durable_applied;   // applied and on disk in the state engine
  uint64_t instance = 0;  // of the sender's log (founding.h)
  // After a crash the sender would still know that everything through here is chosen.
  Slot durable_chosen = {};
  // As in Promise. Only a leader of a higher ballot can make the sender forget that it forgot.
  Ballot lost_through = {};
};

// A follower asks its leader for a slot at which a read is linearizable.
struct ReadRequest {
  Ballot ballot;  // of the leader the sender follows
  uint64_t read_id = 0;
};

struct ReadReply {
  uint64_t read_id = 0;
  Slot slot;  // the read is linearizable once this slot is applied
};

// A follower hands commands to its leader. Void unless the receiver leads at exactly this ballot
// and has not seen this or a later number of the same life: a duplicate must not be proposed twice,
// and a late one counts as lost.
struct Forward {
  Ballot ballot;
  uint64_t life = 0;    // random, of the sender's process
  uint64_t number = 0;  // ascending within a life, from 1
  std::vector<Command> commands;
};

// Asks for chosen values from a slot on; answered from memory or log, as many as fit in one
// message, or with an offer when the log no longer has them. Slot() asks for an offer: the sender
// has no state at all.
struct LearnRequest {
  Slot first_slot;
};

struct Learned {
  std::vector<ChosenValue> values;  // consecutive slots, ascending
  Slot chosen_through;
};

// "The sender has a snapshot of its state through this slot or a later one"; fetched out of band.
struct SnapshotOffer {
  Slot slot;
};

// A leader asks the receiver to lead in its stead, at once and without a probe.
struct TakeOver {
  Ballot ballot;  // the leader's
};

// Whose log is this, and may it vote? (founding.h)
struct Greeting {
  uint64_t instance = 0;       // of the sender's log
  bool founded = false;        // the sender's log may vote
  uint64_t your_instance = 0;  // as the sender knows it, durably; 0 when it does not
  bool answer_wanted = false;
};

using MessageBody = std::variant<Probe, ProbeReply, Prepare, Promise, Reject, Accept, Accepted,
                                 Heartbeat, HeartbeatReply, ReadRequest, ReadReply, Forward,
                                 LearnRequest, Learned, SnapshotOffer, TakeOver, Greeting>;

struct Message {
  GroupId group;
  NodeId from;
  NodeId to;
  MessageBody body;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_MESSAGE_H_
