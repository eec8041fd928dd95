// The acceptor: promises and votes. Paxos Made Simple, section 2.2.
//
// Invariants:
//   1. promised() never falls, restarts included, as long as the records it asks for are durable
//      before the answer that goes with them leaves (P1a: nothing below a promise is accepted).
//   2. It remembers the accepted value of highest ballot for every slot above the chosen watermark;
//      at or below the watermark the chosen value itself is known and nothing is voted on again.
//   3. What a damaged log has forgotten it says in every promise, until a later vote or the chosen
//      value takes its place (UnknownVote, Promise::lost_through).
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_ACCEPTOR_H_
#define SYNOD_SERVICES_PAXOS_ACCEPTOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"

namespace synod::paxos {

class Acceptor {
 public:
  // `accepted` as in RecoveredState. `horizon`: votes are given only this many slots beyond the
  // chosen watermark, so that a node far behind does not hoard what it will learn anyway.
  Acceptor(Ballot promised, std::vector<AcceptedValue> accepted, uint64_t horizon);

  // What the log could not read when the process started.
  void Forgot(std::vector<UnknownVote> unknown, Ballot lost_through);

  // The answer, and the record that must be durable before it is sent (none for a repetition or a
  // refusal). A promise tells of `max_bytes` of values, and of one vote at least; in the slots of
  // `known`, chosen above a gap, it leaves out what it has no vote for.
  struct PrepareAnswer {
    std::variant<Promise, Reject> reply;
    std::optional<PromiseRecord> record;
  };
  PrepareAnswer OnPrepare(const Prepare& prepare, Slot chosen_through,
                          const std::map<Slot, Value>& known, size_t max_bytes);

  struct AcceptAnswer {
    std::variant<Accepted, Reject> reply;
    std::optional<AcceptedRecord> record;
  };
  // Nothing for a slot that is chosen already or beyond the horizon: silence is always safe.
  std::optional<AcceptAnswer> OnAccept(const Accept& accept, Slot chosen_through);

  // Slots at or below are chosen and known.
  void ForgetThrough(Slot chosen_through);

  // Null when nothing is accepted there (any more).
  const AcceptedValue* Find(Slot slot) const;

  // True when a restart would not find in the log again what Find says of this slot.
  bool IsDoubtful(Slot slot) const;

  // Votes at ballots up to this one may be missing; Ballot() when none are.
  Ballot lost_through() const { return lost_through_; }
  void Repaired() { lost_through_ = Ballot(); }

  Ballot promised() const { return promised_; }

 private:
  void Tell(const std::map<Slot, Value>& known, size_t max_bytes, Promise& promise) const;

  Ballot promised_;
  std::map<Slot, AcceptedValue> accepted_;
  std::map<Slot, Ballot> unknown_;  // bounds
  Ballot lost_through_;
  uint64_t horizon_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_ACCEPTOR_H_
