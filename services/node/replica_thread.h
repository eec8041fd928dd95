// The replica thread owns the Paxos core: it feeds it what is in the inbox and the passing of time,
// and hands every Ready to the threads that carry it out.
//
// It also decides what clients' commands and reads do without a leader. For up to three election
// timeouts they wait for one, so that an election is a pause and not an error; after that they fail
// at once, until a leader is known again.
//
// Overload is refused where work enters: while the log or the state machine are far behind,
// commands are refused; while they are very far behind, peers' messages are dropped, too.
#ifndef SYNOD_SERVICES_NODE_REPLICA_THREAD_H_
#define SYNOD_SERVICES_NODE_REPLICA_THREAD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/log/log.h"
#include "services/node/metrics.h"
#include "services/node/pending_table.h"
#include "services/node/read_batcher.h"
#include "services/node/replica_inbox.h"
#include "services/node/reply_pool.h"
#include "services/node/status_board.h"
#include "services/node/ticks.h"
#include "services/paxos/ready.h"
#include "services/paxos/replica.h"

namespace synod::node {

class ReplicaThread {
 public:
  struct Options {
    Ticks ticks;
    absl::Duration leader_patience;    // how long clients wait for a leader
    uint64_t max_log_bytes = 1 << 30;  // beyond it, half is cut though a member may still need it
    size_t max_waiting_bytes = 16 << 20;

    // Of the larger of the two backlogs. Above the first, commands are refused, forwarded ones
    // dropped; above the second, values of peers too. Heartbeats and votes always get through.
    size_t refuse_commands_above = 32 << 20;
    size_t drop_messages_above = 128 << 20;
  };

  // Shared with other threads; all outlive this one.
  struct Shared {
    ReplicaInbox* inbox;
    PendingTable* pending;
    ReadBatcher* reads;
    ReplyPool* replies;
    StatusBoard* board;
    NodeMetrics* metrics;
    Log* log;
    const Clock* clock;
  };

  // Called on the replica thread; none may block.
  struct Outlets {
    std::function<void(std::vector<paxos::Message>)> send;
    // Ready without what went to the other outlets: records, token, messages_after_sync,
    // learn_replies.
    std::function<void(paxos::Ready&)> persist;
    std::function<void(std::vector<paxos::ChosenValue>)> apply;
    std::function<void(Slot)> cut;  // the log is not needed through this slot
    std::function<void(paxos::SnapshotFetch)> fetch;

    // This node must not go on: its disk is not the one that the others know (the first), or it is
    // no member any more. Called once.
    std::function<void()> impostor;
    std::function<void()> removed;

    std::function<size_t()> backlog_bytes;  // of log and state machine, the larger one
    // On disk; nothing while the last cut is not carried out, which says how much will be left.
    std::function<std::optional<uint64_t>()> log_bytes;
  };

  ReplicaThread(Options options, paxos::ReplicaOptions replica, paxos::RecoveredState recovered,
                Shared shared, Outlets outlets);

  // Joins; the inbox must have been closed. Nothing is answered here.
  ~ReplicaThread() { thread_.join(); }
  ReplicaThread(const ReplicaThread&) = delete;
  ReplicaThread& operator=(const ReplicaThread&) = delete;

 private:
  void Run();
  void Feed(ReplicaInputs& inputs);
  size_t BacklogLimit(const paxos::Message& message) const;
  void NoticeLeader();
  void Tick(absl::Duration now);
  void Dispatch();
  void Observe(absl::Duration now);

  void Propose(paxos::Command command);
  void ProposeWaiting();
  void StartReads();
  void GiveUpWithoutLeader(absl::Duration now);
  void OnNewLeader(const paxos::ReplicaStatus& status, absl::Duration now);
  void CutLog(const paxos::ReplicaStatus& status);
  void NoticeEnd(const paxos::ReplicaStatus& status);
  void UpdateGauges(const paxos::ReplicaStatus& status, absl::Duration contact_age);
  void Fail(uint64_t sequence, rpc::Failure failure);

  const Options options_;
  const Shared shared_;
  const Outlets outlets_;
  Slot cut_through_;  // of the log
  paxos::Replica replica_;

  absl::Duration last_tick_;
  bool ticked_ = false;
  bool has_leader_ = false;  // after the last messages and ticks
  Slot durable_applied_;
  bool ended_ = false;  // impostor or removed has been called

  paxos::ReplicaStatus seen_;        // at the last look
  paxos::Ballot last_leader_;        // the last leader known
  absl::Duration leaderless_since_;  // meaningful while no leader is known
  bool leaderless_told_ = false;     // clients have been given up on since then
  uint64_t last_handed_over_ = 0;    // highest sequence given to the core
  paxos::Ballot handing_to_;         // the leader that commands are given to
  // Highest sequence given to an earlier one. Sequences are drawn before commands are posted: a
  // lower one may be given later, and its client told "outcome unknown" for nothing.
  uint64_t handed_to_older_ = 0;

  std::deque<paxos::Command> waiting_;  // for a leader
  size_t waiting_bytes_ = 0;

  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_REPLICA_THREAD_H_
