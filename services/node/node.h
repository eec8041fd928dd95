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
#include "services/node/apply_thread.h"
#include "services/node/data_dir.h"
#include "services/node/fatal.h"
#include "services/node/identity.h"
#include "services/node/load_meter.h"
#include "services/node/log_thread.h"
#include "services/node/metrics.h"
#include "services/node/options.h"
#include "services/node/pending_table.h"
#include "services/node/read_batcher.h"
#include "services/node/replica_inbox.h"
#include "services/node/replica_thread.h"
#include "services/node/reply_pool.h"
#include "services/node/status_board.h"
#include "services/node/work_thread.h"
#include "services/rpc/backend.h"
#include "services/rpc/peer_transport.h"

namespace synod::node {

class Node final : public rpc::Backend {
 public:
  // Opens the data directory, listens for peers and starts the threads. Errors are the data
  // directory's and the listener's, fit to be shown. `log` and `clock` outlive the node; `fatal`
  // ends the process.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const NodeOptions& options, Log* log,
                                                     const Clock* clock, FatalHandler fatal);

  // Fails what is pending with kStopped, stops the threads, and flushes the engine, so that the
  // next start has nothing to replay. No call may be under way.
  ~Node() override;

  void Propose(kv::Request request, absl::Duration deadline, ProposeDone done) override;
  void AwaitReadable(absl::Duration deadline, ReadableDone done) override;
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

 private:
  Node(const NodeOptions& options, Identity identity, std::unique_ptr<DataDir> data, Log* log,
       const Clock* clock, FatalHandler fatal);
  absl::Status Listen();
  void StartThreads();

  void ServeLearnReply(const paxos::LearnReply& reply);
  void OnApplied(Slot slot, std::vector<PendingTable::Applied> own);
  void FlushEngine();

  const NodeOptions options_;
  const Identity identity_;
  Log* const log_;
  const Clock* const clock_;
  const FatalHandler fatal_;

  // Built and destroyed in the order in which they need one another.
  const std::unique_ptr<DataDir> data_;
  NodeMetrics metrics_;
  const std::shared_ptr<StatusBoard> board_;
  mutable LoadMeter load_;
  PendingTable pending_;
  ReadBatcher reads_;
  ReplicaInbox inbox_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<rpc::PeerTransport> transport_;
  std::optional<ReplyPool> replies_;
  std::optional<WorkThread> catch_up_;  // reads old values for peers that are behind
  std::optional<WorkThread> flusher_;
  std::optional<WorkThread> defragmenter_;
  std::optional<ApplyThread> apply_thread_;
  std::optional<LogThread> log_thread_;
  std::optional<ReplicaThread> replica_thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_NODE_H_
