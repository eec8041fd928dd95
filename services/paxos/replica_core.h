// The inside of Replica: which role gets which input, and what follows from its answer.
// Inputs and outputs are in replica_core.cc, the answers to messages in replica_messages.cc, and
// what changes who takes part, snapshots included, in replica_membership.cc.
#ifndef SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_
#define SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "services/paxos/acceptor.h"
#include "services/paxos/catch_up.h"
#include "services/paxos/command_queue.h"
#include "services/paxos/configuration.h"
#include "services/paxos/election.h"
#include "services/paxos/founding.h"
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
  bool HandOver(NodeId to);
  void Installed(Slot slot, ConfigurationHistory configurations);
  void FetchFailed() { fetching_ = false; }
  void Persisted(PersistToken token);
  void Applied(Slot durable);
  bool HasReady() const;
  Ready TakeReady();
  ReplicaStatus status() const;
  std::vector<MemberProgress> progress() const;
  Slot cut_through() const { return cut_through_; }

 private:
  // What only a leader has, or a candidate; gone when it steps down.
  struct Leadership {
    Leadership(const ConfigurationHistory* configurations, Ballot ballot,
               const ReplicaOptions& options)
        : proposer(configurations, ballot, options.window, options.window_bytes),
          reads(options.max_pending_reads) {}

    // What another member has said of itself in this leadership.
    struct Peer {
      uint64_t heard_at = 0;  // ticks
      uint64_t instance = 0;
      Slot chosen_through;
      std::optional<Slot> durable_applied;
      Slot durable_chosen;
      bool said_it_is_whole = false;  // its log has lost no votes
    };

    Proposer proposer;
    ReadRounds reads;
    uint64_t elected_at = 0;  // ticks
    std::map<NodeId, Peer> peers;
    std::map<std::pair<NodeId, uint64_t>, uint64_t> forwards;  // (node, life) -> last number
    uint64_t handing_over_until = 0;  // ticks; nothing new is proposed before
    std::set<NodeId> handed_to;       // who has been asked to take over, and has not
    bool named_logs = false;
    std::optional<Value> naming;  // to be proposed, before anything else that is new
    bool sealed = false;          // the newest configuration
    bool wants_seal = false;      // one no-op, so that logs learn how far the slots are chosen
    Slot announced;               // the watermark that went out to everybody
    Slot watermark;               // own, when it last moved, and when that was (ticks)
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

  // What a proposer says comes from the node that its ballot names.
  template <class Phase>
  static bool IsForged(NodeId from, const Phase& phase) {
    return phase.ballot.node != from;
  }

  // The leadership if it has this ballot and, with `leading`, has finished phase 1.
  Leadership* At(const Ballot& ballot);
  bool leads() const { return leadership_ && leadership_->proposer.leads(); }
  bool serves() const;
  bool MustReadRound() const;

  // Whether this node's votes count anywhere, and may be given at all.
  bool votes() const { return founding_.founded(); }
  bool MayLead() const;
  // At or below this slot nothing is voted on: chosen and known here, or forgotten by the log.
  Slot floor() const { return std::max(learner_.chosen_through(), vote_floor_); }

  void StartProbe();
  void StartPrepare();
  void SendPrepare();
  void OnElected();
  void RiseAbove();
  void StepDown();
  void FollowLeader(const Ballot& ballot, Slot watermark);
  void AfterWatermark();
  void AskToLearn();
  Leadership::Peer& Heard(NodeId peer);
  void ConfirmRead(NodeId voter, uint64_t round);

  // Membership.
  void TakeChosen();
  void OnConfiguration();
  void FoundIfDue();
  void GreetIfDue();
  void RepairIfDue();
  void HandOverIfLeftOut();
  void NameLogsIfDue();
  void SealIfDue();

  void TickLeader();
  bool WaitsInVain();
  int TicksSinceQuorumContact() const;
  void UpdateCut();

  bool MayProposeBatch() const;
  bool MustFillWindow() const;
  bool MayChangeConfiguration() const;
  bool MustAnnounce() const;
  void ProposeAll();
  void ForwardAll();
  void Broadcast(const Accept& accept);
  void BroadcastHeartbeat(uint64_t read_round);
  void AskLeader();

  // Puts a slot's record in the log and remembers which sync covers it.
  // `hint`: through where the record says that slots are chosen.
  void Log(Slot slot, Slot hint, RecordBody record) {
    logged_by_[slot] = outbox_.Persist(std::move(record));
    hints_.push_back({logged_by_[slot], hint});
  }
  // Moves what is newly chosen behind the log, and gives what the log holds durably.
  bool HasApplicable() const;
  std::vector<ChosenValue> TakeApplicable();

  template <class Body>
  void SendToOthers(const Body& body) {
    for (const NodeId member : others_) outbox_.Send(member, body);
  }

  const ReplicaOptions options_;
  uint64_t now_ = 0;  // ticks

  ConfigurationHistory history_;  // knows every slot through the learner's watermark
  std::vector<NodeId> others_;    // members of any configuration still to decide; not this node
  std::vector<NodeId> contacts_;  // while the history is empty
  size_t contacts_asked_ = 0;
  Founding founding_;
  Acceptor acceptor_;
  Slot vote_floor_;
  std::optional<Slot> repair_through_;  // once known here, lost votes matter no more
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
  bool fetching_ = false;  // a snapshot
  Slot durable_applied_;
  // What this node would still know to be chosen after a crash, and what will be added to that.
  Slot durable_chosen_;
  std::deque<std::pair<PersistToken, Slot>> hints_;
  Slot sealed_;
  Slot cut_through_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_REPLICA_CORE_H_
