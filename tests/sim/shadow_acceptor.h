// What one acceptor must not forget, kept by the simulator beside the real one and across its
// crashes: it sees only what became durable, and objects to any message or recovered state that
// goes beyond or falls behind it.
//
// Rules (numbers are used in messages):
//   A1. The durable promise never falls, and nothing is accepted below it.
//   A2. Prepare, Promise and Accepted leave only after their record is durable.
//   A3. A Promise names every vote below its ballot and above both watermarks: by its value, or as
//       one that it leaves out.
//   A4. A restart brings back at least what was durable, or says what is lost.
//   A5. A log that is not founded neither promises nor votes nor prepares; a wiped one never again.
#ifndef SYNOD_TESTS_SIM_SHADOW_ACCEPTOR_H_
#define SYNOD_TESTS_SIM_SHADOW_ACCEPTOR_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "services/paxos/message.h"
#include "services/paxos/record.h"

namespace synod::sim {

class ShadowAcceptor {
 public:
  // Each returns what is wrong, or "".
  std::string OnDurable(const paxos::Record& record);
  std::string OnSend(const paxos::MessageBody& body) const;

  // Also takes over what the restart found beyond the durable state (bytes that no sync covered may
  // survive): from now on it counts.
  std::string OnRecovered(const paxos::RecoveredState& state);

  // Everything through the slot came with a snapshot.
  void OnInstalled(Slot slot);
  // The disk was emptied; what comes now is another log, without a vote.
  void OnWiped();

 private:
  struct Vote {
    paxos::Ballot ballot;
    uint64_t value = 0;  // hash
    bool learned = false;
  };

  std::string Accept(Slot slot, const paxos::Ballot& ballot, uint64_t value);
  std::string CheckPromise(const paxos::Promise& promise) const;
  std::string CheckRecoveredVote(Slot slot, const paxos::RecoveredState& state) const;

  bool founded_ = false;
  bool wiped_ = false;
  paxos::Ballot promised_;
  std::map<Slot, Vote> votes_;  // newest per slot, of those that may still matter
  std::set<Slot> lost_;         // in votes_, and no longer in the log
  std::set<std::pair<Slot, paxos::Ballot>> ever_accepted_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SHADOW_ACCEPTOR_H_
