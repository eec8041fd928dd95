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
#include "services/paxos/election.h"
#include "services/paxos/message.h"
#include "services/paxos/ready.h"
#include "services/paxos/record.h"

namespace synod::paxos {

struct ReplicaOptions {
  GroupId group{1};
  NodeId self;
  std::vector<NodeId> voters;  // the initial configuration; contains self

  // In ticks; the driver says how long a tick is.
  int heartbeat_ticks = 1;
  int election_ticks = 10;   // a follower's patience is drawn from [1, 1.5) times this
  int log_stall_ticks = 20;  // a leader whose own log takes longer than this steps down

  size_t window = 128;                  // α: slots proposed beyond the chosen watermark
  size_t window_bytes = 32 << 20;       // of values in flight: bounds promises and their readers
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
};

class Replica {
 public:
  // `recovered.chosen` is handed out again in the first Ready.
  Replica(ReplicaOptions options, RecoveredState recovered);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // A message of this group addressed to this node. Messages from outside the configuration are
  // dropped.
  void Step(Message message);

  // One unit of the injected time has passed.
  void Tick();

  // Queues a command, or forwards it to the leader. The outcome shows when (if) it is in a chosen
  // value; a command admitted by a leader that falls may be lost or may be chosen later.
  Admission Propose(Command command);

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

  bool HasReady() const;
  Ready TakeReady();

  ReplicaStatus status() const;

  // The highest slot that every member has durably applied, as far as known: the log may be cut
  // through it. Slot() until all members have been heard.
  Slot cut_through() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_REPLICA_H_
