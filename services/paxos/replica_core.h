// The inside of Replica: which role gets which input, and what follows from its answer.
// Inputs and outputs are in replica_core.cc, the answers to messages in replica_messages.cc.
#ifndef SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_
#define SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "services/paxos/acceptor.h"
#include "services/paxos/catch_up.h"
#include "services/paxos/command_queue.h"
#include "services/paxos/configuration.h"
#include "services/paxos/election.h"
#include "services/paxos/learner.h"
#include "services/paxos/outbox.h"
#include "services/paxos/proposer.h"
#include "services/paxos/read_index.h"
#include "services/paxos/replica.h"

namespace synod::paxos {

class Replica::Core {
 public:
  Core(ReplicaOptions options, RecoveredState recovered);

  void Step(Message message);
  void Tick();
  Admission Propose(Command command);
  Admission Read(uint64_t read_id);
  void CancelReads() { open_reads_.Clear(); }
  void Persisted(PersistToken token);
  void Applied(Slot durable);
  bool HasReady() const;
  Ready TakeReady();
  ReplicaStatus status() const;
  Slot cut_through() const { return cut_through_; }

 private:
  // What only a leader has, or a candidate; gone when it steps down.
  struct Leadership {
    Leadership(const Configuration* configuration, Ballot ballot, const ReplicaOptions& options)
        : proposer(configuration, ballot, options.window, options.window_bytes),
          reads(configuration, options.max_pending_reads) {}

    Proposer proposer;
    ReadRounds reads;
    std::map<NodeId, uint64_t> heard_at;                       // ticks, per voter
    std::map<NodeId, Slot> durable_applied;                    // per voter that has said so
    std::map<std::pair<NodeId, uint64_t>, uint64_t> forwards;  // (node, life) -> last number
    Slot announced;  // the watermark that went out to everybody
    Slot watermark;  // own, when it last moved, and when that was (ticks)
    uint64_t watermark_moved_at = 0;
  };

  void On(NodeId from, const Probe& probe);
  void On(NodeId from, const ProbeReply& reply);
  void On(NodeId from, const Prepare& prepare);
  void On(NodeId from, const Promise& promise);
  void On(NodeId from, const Reject& reject);
  void On(NodeId from, const Accept& accept);
  void On(NodeId from, const Accepted& accepted);
  void On(NodeId from, const Heartbeat& heartbeat);
  void On(NodeId from, const HeartbeatReply& reply);
  void On(NodeId from, const ReadRequest& request);
  void On(NodeId from, const ReadReply& reply);
  void On(NodeId from, Forward& forward);
  void On(NodeId from, const LearnRequest& request);
  void On(NodeId from, const Learned& learned);
  void On(NodeId from, const SnapshotOffer& offer);
  void On(NodeId from, const TakeOver& take_over);
  void On(NodeId from, const Greeting& greeting);

  // The leadership if it has this ballot and, with `leading`, has finished phase 1.
  Leadership* At(const Ballot& ballot);
  bool leads() const { return leadership_ && leadership_->proposer.leads(); }
  bool serves() const;

  void StartProbe();
  void StartPrepare();
  void OnElected();
  void StepDown();
  void FollowLeader(const Ballot& ballot, Slot watermark);
  void AfterWatermark();
  void ConfirmRead(NodeId voter, uint64_t round);

  void TickLeader();
  bool WaitsInVain();
  int TicksSinceQuorumContact() const;
  void UpdateCut();

  bool MayProposeBatch() const;
  bool MustAnnounce() const;
  void ProposeAll();
  void ForwardAll();
  void Broadcast(const Accept& accept);
  void BroadcastHeartbeat(uint64_t read_round);
  void AskLeader();

  // Puts a slot's record in the log and remembers which sync covers it.
  void Log(Slot slot, RecordBody record) { logged_by_[slot] = outbox_.Persist(std::move(record)); }
  // Moves what is newly chosen behind the log, and gives what the log holds durably.
  bool HasApplicable() const;
  std::vector<ChosenValue> TakeApplicable();

  template <class Body>
  void SendToOthers(const Body& body) {
    for (const NodeId voter : configuration_.voters()) {
      if (voter != options_.self) outbox_.Send(voter, body);
    }
  }

  const ReplicaOptions options_;
  const Configuration configuration_;
  uint64_t now_ = 0;  // ticks

  Acceptor acceptor_;
  Learner learner_;
  CatchUp catch_up_;
  Election election_;
  Outbox outbox_;
  CommandQueue queue_;
  ReadRequests open_reads_;
  std::optional<Leadership> leadership_;

  // The state must never be durable ahead of the log: after a crash the log would teach others what
  // it held in a slot before. So a value is handed out only when its own record is durable.
  std::map<Slot, PersistToken> logged_by_;  // of slots not handed out yet
  std::deque<ChosenValue> chosen_;          // in slot order, not handed out yet

  uint64_t life_;
  uint64_t forward_number_ = 0;
  Slot durable_applied_;
  Slot cut_through_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_
