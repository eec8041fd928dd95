// One replica of one Paxos group: acceptor, proposer, learner, election and read index tied
// together. A pure function of its inputs: no clock, thread, socket, disk, log line or hidden
// randomness. The same code runs in production and in the simulator.
//
// Use: feed inputs (Step, Tick, Propose, Read, Persisted, Applied), then TakeReady and carry it out
// (ready.h). Inputs may be fed while the effects of earlier Readys are still under way.
//
// Thread-safety: none; one thread owns it.
#ifndef SYNOD_SERVICES_PAXOS_REPLICA_H_
#define SYNOD_SERVICES_PAXOS_REPLICA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/election.h"
#include "services/paxos/message.h"
#include "services/paxos/ready.h"
#include "services/paxos/record.h"

namespace synod::paxos {

struct ReplicaOptions {
  GroupId group{1};
  NodeId self;

  // In ticks; the driver says how long a tick is.
  int heartbeat_ticks = 1;
  int election_ticks = 10;   // a follower's patience is drawn from [1, 1.5) times this
  int log_stall_ticks = 20;  // a leader whose own log takes longer than this steps down

  // α: slots proposed beyond the chosen watermark, and between the choice of a configuration and
  // its first slot. The same on all members, for ever.
  size_t window = 128;
  size_t window_bytes = 32 << 20;       // of values in flight
  size_t max_promise_bytes = 8 << 20;   // of values in one promise; what is left is asked for
  size_t max_batch_bytes = 256 << 10;   // per slot; one larger command has a slot of its own
  size_t max_pending_bytes = 64 << 20;  // commands waiting for a slot; beyond it, kOverloaded
  size_t max_pending_reads = 4096;      // reads waiting for a round; beyond it, kOverloaded

  // For election timeouts and the nonces of this life: different on each node and in each life.
  uint64_t seed = 1;
};

enum class Admission {
  kAdmitted,    // under way; not a promise that it will be chosen
  kNoLeader,    // nobody to hand it to; nothing was sent
  kOverloaded,  // a bound is reached; nothing was sent
};

struct ReplicaStatus {
  Role role = Role::kFollower;
  Ballot promised;
  Ballot leader_ballot;  // of the leader this replica follows or is; Ballot() when there is none
  NodeId leader;         // NodeId() when there is none
  bool leader_serves = false;  // leading, with a slot of its own ballot chosen
  Slot chosen_through;
  int ticks_since_quorum_contact = 0;  // leader: of a quorum; follower: of its leader

  bool founded = false;   // the log may vote (founding.h)
  bool impostor = false;  // others know this node by another log: stop, it must not take part
  bool removed = false;   // not a member any more, and nobody needs this node's log: it may go
  // The newest one chosen, in force or not yet; null before a joining node has its first snapshot.
  Slot configuration_slot;
  std::shared_ptr<const Configuration> configuration;
  // The newest configuration that needs no former member, as far as this node has heard.
  Slot sealed;
};

// What a leader knows of another member.
struct MemberProgress {
  NodeId id;
  uint64_t instance = 0;  // of its log; 0 until it has answered a heartbeat
  Slot chosen_through;
  int silent_ticks = 0;
};

class Replica {
 public:
  // `recovered.chosen` is handed out again in the first Ready, up to its first gap.
  Replica(ReplicaOptions options, RecoveredState recovered);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // A message of this group addressed to this node, from any node of the cluster: one that this
  // replica has not heard of may have joined since. Only members' votes are counted.
  void Step(Message message);

  // One unit of the injected time has passed.
  void Tick();

  // Queues a command, or forwards it to the leader. The outcome shows when (if) it is in a chosen
  // value; a command admitted by a leader that falls may be lost or may be chosen later.
  //
  // A change of configuration is a command like any other. Whether it takes effect shows when it is
  // chosen (ConfigurationHistory::Choose); a leader fills the window with no-ops so that it soon
  // governs, and a leader that it leaves out hands over.
  Admission Propose(Command command);

  // Asks `to` to lead in this node's stead; proposes nothing new for an election timeout or until
  // it has been replaced. False when this node does not lead or `to` is no other voter.
  bool HandOver(NodeId to);

  // Asks for a slot at which a read that starts now is linearizable (Ongaro 2014, section 6.4,
  // "read index", here for ballots). It appears in Ready::reads; it may never do so when there is
  // no quorum, and the driver gives up on it by CancelReads.
  Admission Read(uint64_t read_id);

  // Forgets all reads that have not been answered yet.
  void CancelReads();

  // Everything up to this token is durable.
  void Persisted(PersistToken token);

  // The state engine holds everything through `applied`; `durable` of it survives a crash.
  void Applied(Slot applied, Slot durable);

  // Ends Ready::snapshot_fetch. Installed: the state engine holds, durably, everything through
  // `slot`, where `configurations` are in force, and the log has been cut through it, durably and
  // before the engine changed. FetchFailed: another offer is welcome.
  void Installed(Slot slot, ConfigurationHistory configurations);
  void FetchFailed();

  bool HasReady() const;
  Ready TakeReady();

  ReplicaStatus status() const;
  // Of the other members, ascending by id; empty unless this node leads.
  std::vector<MemberProgress> progress() const;

  // The highest slot that every member has durably applied, as far as known: the log may be cut
  // through it. Slot() until all members have been heard.
  Slot cut_through() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_REPLICA_H_
