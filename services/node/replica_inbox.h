// The bounded queue in front of the replica thread: client commands, peers' messages, and news from
// the threads that work for it.
//
// Bounds are in bytes. A full queue refuses commands and drops messages (the protocol does not
// mind); news are kept as their newest value and take no room.
//
// Thread-safety: Take from the replica thread, the rest from any.
#ifndef SYNOD_SERVICES_NODE_REPLICA_INBOX_H_
#define SYNOD_SERVICES_NODE_REPLICA_INBOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "common/steady_wait.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/paxos/ready.h"

namespace synod::node {

// How fetching a snapshot ended.
struct FetchEnd {
  Slot installed;                              // Slot() when it failed
  paxos::ConfigurationHistory configurations;  // as of that slot
};

struct ReplicaInputs {
  std::vector<paxos::Message> messages;
  std::vector<paxos::Command> commands;
  paxos::PersistToken persisted = 0;  // the newest; 0 when there is none
  Slot durable_applied;               // the newest; Slot() when there is none
  NodeId hand_over_to;                // the newest; NodeId() when there is none
  std::optional<FetchEnd> fetch_end;  // of Ready::snapshot_fetch

  bool empty() const {
    return messages.empty() && commands.empty() && persisted == 0 && !durable_applied &&
           !hand_over_to && !fetch_end;
  }
  // Keeps the room of the vectors for the next round.
  void Clear();
};

struct ReplicaInboxLimits {
  size_t command_bytes = 32 << 20;
  size_t message_bytes = 64 << 20;
};

class ReplicaInbox {
 public:
  explicit ReplicaInbox(ReplicaInboxLimits limits) : limits_(limits) {}

  // False when the queue is full or closed.
  bool PostCommand(paxos::Command command);

  // Drops and counts what does not fit.
  void PostMessages(std::vector<paxos::Message> messages);

  // Messages taken but not used count as dropped, too.
  void CountDropped(size_t messages) {
    messages_dropped_.fetch_add(messages, std::memory_order_relaxed);
  }

  void PostPersisted(paxos::PersistToken token);

  // Does not wake the replica thread: nobody waits for it.
  void PostDurable(Slot applied);

  void PostHandOver(NodeId to);
  void PostFetchEnd(FetchEnd end);

  // The replica thread has something to look at that is not in this queue: reads.
  void Wake();

  void Close();

  // Waits until there is something or `timeout` has passed and swaps everything into `inputs`.
  // False when the queue is closed.
  bool Take(ReplicaInputs& inputs, absl::Duration timeout);

  uint64_t messages_dropped_total() const {
    return messages_dropped_.load(std::memory_order_relaxed);
  }

  // Of the room for commands, 0 to 1.
  double utilization() const;

 private:
  void WakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    woken_ = true;
    if (sleeping_) posted_.Signal();
  }

  const ReplicaInboxLimits limits_;
  std::atomic<uint64_t> messages_dropped_{0};

  mutable absl::Mutex mutex_;
  SteadyCondVar posted_;
  ReplicaInputs inputs_ ABSL_GUARDED_BY(mutex_);
  size_t command_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t message_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool sleeping_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_REPLICA_INBOX_H_
