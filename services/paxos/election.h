// Who leads, as far as this node knows, and when to try it itself.
//
// Safety does not rest on any of this (Paxos Made Simple, section 2.4: progress needs a
// distinguished proposer, safety does not). Rules:
//   1. Nobody who hears a live leader is disturbed: a Prepare is sent only after a quorum has said
//      that a new leader would be welcome.
//   2. Patience is drawn anew, from a seeded generator, for each attempt, so that duels end.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_ELECTION_H_
#define SYNOD_SERVICES_PAXOS_ELECTION_H_

#include <cstdint>

#include "common/ids.h"
#include "common/random.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"

namespace synod::paxos {

enum class Role { kFollower, kProbing, kPreparing, kLeader };

class Election {
 public:
  // `configurations` outlives the object. `promised`: from the log.
  Election(const ConfigurationHistory* configurations, NodeId self, int election_ticks,
           Ballot promised, Random random);

  Role role() const { return role_; }
  // Ballot() when no leader is known; its node is the leader.
  Ballot leader_ballot() const { return leader_ballot_; }
  // Since the leader (or a candidate this node promised to) was last heard.
  int silent_ticks() const { return silent_ticks_; }

  // True while a leader that spoke recently is known: probes are then unwelcome.
  bool HearsLeader() const;

  // One tick; true when patience is over and a probe should be sent.
  bool Tick();

  // A round anybody uses must be below the next one this node tries.
  void Saw(const Ballot& ballot);

  Probe StartProbe(Slot chosen_through);
  // True when this reply completes a quorum of welcomes in every configuration that can govern a
  // slot above `chosen_through`, this node's watermark.
  bool OnProbeReply(NodeId from, const ProbeReply& reply, Slot chosen_through);
  // The ballot to prepare: above everything seen.
  Ballot StartPrepare();
  void OnElected(const Ballot& ballot);

  // Another node leads at this ballot, and spoke.
  void OnLeader(const Ballot& ballot);
  // This node promised a ballot: its candidate gets time, the old leader is gone.
  void OnPromised(const Ballot& ballot);
  // This node stops leading or trying. `silent_ticks`: since it last heard a quorum or a leader.
  void StepDown(int silent_ticks);

 private:
  void BecomeFollower(const Ballot& leader_ballot);

  const ConfigurationHistory* configurations_;
  NodeId self_;
  int election_ticks_;
  Random random_;

  Role role_ = Role::kFollower;
  Ballot leader_ballot_;
  int silent_ticks_ = 0;
  int waited_ticks_ = 0;
  int patience_ticks_;
  uint64_t highest_round_;
  Ballot probe_ballot_;
  Tally welcomed_by_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_ELECTION_H_
