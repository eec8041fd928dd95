// One node: its threads, and what flows between them. Also the backend that the gRPC adapters
// serve.
//
//   gRPC threads --commands, reads--> inbox --> replica thread --records--> log thread
//   peers -------------messages-----> inbox         |  ^                        | after the sync
//                                                   |  +----- persisted --------+--> peers
//                                                   +--chosen--> apply thread --results--> replies
//
// Each arrow is a bounded queue; each box has one owner. Proposals are answered on the threads of
// the reply pool; reads are told that they are safe on the replica and apply threads and must go
// elsewhere to read.
//
// Thread-safety: see rpc::Backend.
#ifndef SYNOD_SERVICES_NODE_NODE_H_
#define SYNOD_SERVICES_NODE_NODE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log/log.h"
#include "services/node/applied_members.h"
#include "services/node/apply_thread.h"
#include "services/node/data_dir.h"
#include "services/node/fatal.h"
#include "services/node/joining.h"
#include "services/node/load_meter.h"
#include "services/node/log_thread.h"
#include "services/node/membership_thread.h"
#include "services/node/metrics.h"
#include "services/node/options.h"
#include "services/node/pending_table.h"
#include "services/node/periodic_thread.h"
#include "services/node/read_batcher.h"
#include "services/node/replica_inbox.h"
#include "services/node/replica_thread.h"
#include "services/node/reply_pool.h"
#include "services/node/snapshot_fetch.h"
#include "services/node/snapshot_store.h"
#include "services/node/status_board.h"
#include "services/node/work_thread.h"
#include "services/rpc/backend.h"
#include "services/rpc/peer_transport.h"

namespace synod::node {

class Node final : public rpc::Backend {
 public:
  // What ends a node.
  struct Endings {
    // These two from the inside, from any of its threads.
    FatalHandler fatal;
    // It has been removed from the cluster: stop it. Called once.
    std::function<void()> removed;
    // Asked while Start waits for a running cluster.
    std::function<bool()> told_to_stop = [] { return false; };
  };

  // Finds out who it is (joining.h), opens the data directory, listens for peers and starts the
  // threads. Errors are those of these steps, fit to be shown; Cancelled: it was told to stop.
  // `log` and `clock` outlive the node.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const NodeOptions& options, Log* log,
                                                     const Clock* clock, Endings endings);

  // Fails what is pending with kStopped, stops the threads, and flushes the engine, so that the
  // next start has nothing to replay. No call may be under way.
  ~Node() override;

  // Passes the leadership on, if this node has it and somebody can take it. Waits for no longer
  // than an election timeout.
  void Resign();

  // Fails with kStopped what clients wait for and what they ask from now on.
  void RefuseClients();

  void Propose(kv::Request request, absl::Duration deadline, ProposeDone done) override;
  void AwaitReadable(absl::Duration deadline, ReadableDone done) override;
  void ChangeMembers(rpc::MemberChange change, absl::Duration deadline,
                     rpc::MembersDone done) override;
  void MoveLeader(NodeId to, absl::Duration deadline, HandOverDone done) override;
  std::shared_ptr<const kv::ReadView> View() const override;
  kv::Error Refuses(const kv::Request& request) const override;
  void Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                  std::function<void(absl::Status)> done) override;
  rpc::NodeStatus Status() const override;
  uint64_t ballot_round() const override { return board_->ballot_round(); }
  std::shared_ptr<void> Subscribe(std::function<void()> changed) override;
  absl::Duration Now() const override { return clock_->Monotonic(); }

  // The numbers, with those that are only worth knowing when asked brought up to date.
  std::shared_ptr<const prometheus::Collectable> metrics();

  // For the server of the client port.
  rpc::CallObserver* call_observer() { return &metrics_.calls; }

  uint16_t peer_port() const { return transport_->port(); }
  bool log_is_short_of_space() const { return data_->log()->short_of_space(); }

  // The hash of another member's store as of a revision that this one has applied; status codes as
  // in rpc/peer_calls.h. Blocks for as long as that one takes to read its whole store.
  absl::StatusOr<kv::HashResponse> AskForHash(NodeId member, kv::Revision revision,
                                              kv::GiveUp give_up) const;

 private:
  Node(const NodeOptions& options, WhoIAm self, std::unique_ptr<DataDir> data,
       paxos::RecoveredState recovered, Log* log, const Clock* clock, Endings endings);
  absl::Status Listen();
  void StartThreads();
  void StartApplyThread();
  void StartLogThread();
  void StartMembershipThread();
  void StartReplicaThread();

  // What the threads tell and ask.
  void OnApplied(Slot slot, ApplyThread::Results results);
  void OnConfigured(const paxos::ConfigurationHistory& configurations);
  void OnLink(NodeId peer, const absl::Status& status);
  void OnRemoved(absl::string_view why);
  void OnImpostor();
  void ShowMembers(const paxos::ConfigurationHistory& configurations);
  void ConnectToMembers();
  // What clients wait for, with kStopped.
  void FailPending();
  void ServeLearnReply(const paxos::LearnReply& reply);
  void Fetch(const paxos::SnapshotFetch& wanted);
  void FlushEngine();
  void OnStateFailure(const State& state, absl::string_view doing, const absl::Status& why);
  void ProposeCommand(paxos::CommandKind kind, std::string payload, absl::Duration deadline,
                      ProposeDone done);
  absl::StatusOr<rpc::JoinAnswer> AnswerJoining(const std::vector<std::string>& peer_urls) const;
  absl::StatusOr<kv::HashResponse> HashStore(kv::Revision revision, kv::GiveUp give_up);
  bool TakeChange(rpc::MemberChange change, absl::Duration timeout, rpc::MembersDone done);
  absl::Status CutLogDurably(Slot slot);
  std::string AddressOf(NodeId peer) const;

  const NodeOptions options_;
  const WhoIAm self_;
  Log* const log_;
  const Clock* const clock_;
  const Endings endings_;

  // Built and destroyed in the order in which they need one another.
  const std::unique_ptr<DataDir> data_;
  paxos::RecoveredState recovered_;  // until the replica takes it
  NodeMetrics metrics_;
  const std::shared_ptr<StatusBoard> board_;
  AppliedMembers members_;
  mutable LoadMeter load_;
  PendingTable pending_;
  ReadBatcher reads_;
  ReplicaInbox inbox_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> removed_{false};
  SnapshotStore snapshots_;
  SnapshotFetch fetch_;
  std::unique_ptr<rpc::PeerTransport> transport_;
  std::optional<ReplyPool> replies_;
  std::optional<WorkThread> catch_up_;  // reads old values for peers that are behind
  std::optional<WorkThread> flusher_;
  std::optional<WorkThread> defragmenter_;
  std::optional<WorkThread> connector_;  // to the members
  std::optional<WorkThread> fetcher_;
  std::optional<ApplyThread> apply_thread_;
  std::optional<LogThread> log_thread_;
  std::optional<MembershipThread> membership_;
  std::optional<ReplicaThread> replica_thread_;
  std::optional<PeriodicThread> housekeeper_;  // of snapshots
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_NODE_H_
