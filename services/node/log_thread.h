// The log thread owns the acceptor log: it makes records durable, many Readys to one sync, and then
// releases what had to wait for that.
//
// A failed write or sync ends the node (fatal.h). A full disk does not: what could not be written
// is held back, with everything that waits for it, until there is space. Cuts go on meanwhile,
// since they may make some.
//
// Thread-safety: Post, the cuts and the numbers from any thread.
#ifndef SYNOD_SERVICES_NODE_LOG_THREAD_H_
#define SYNOD_SERVICES_NODE_LOG_THREAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "services/node/fatal.h"
#include "services/node/mailbox.h"
#include "services/node/metrics.h"
#include "services/node/stall_meter.h"
#include "services/paxos/ready.h"
#include "services/storage/acceptor_log.h"

namespace synod::node {

class LogThread {
 public:
  // What waits for the log, out of one Ready.
  struct Work {
    std::vector<paxos::Record> records;
    paxos::PersistToken token = 0;

    // Released when these records and all earlier ones are durable. Learn replies are among them
    // because they are read from the log: before a learned value is in it, it may still show one
    // that was accepted, but never chosen.
    std::vector<paxos::Message> messages;
    std::vector<paxos::LearnReply> learn_replies;
  };

  // Called on the log thread.
  struct Outlets {
    std::function<void(std::vector<paxos::Message>)> send;
    std::function<void(paxos::PersistToken)> persisted;
    std::function<void(paxos::LearnReply)> learn_reply;
    FatalHandler fatal;
    // The disk is full (ResourceExhausted), or is so no longer (OK): once each.
    std::function<void(const absl::Status&)> space;
  };

  // The pointers outlive the thread. While the disk is full it tries again every `space_retry`.
  LogThread(storage::AcceptorLog* log, NodeMetrics* metrics, const Clock* clock, Outlets outlets,
            absl::Duration space_retry = absl::Seconds(1));

  // Makes durable what was posted, unless the disk is full, and joins.
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

  void Post(Work work);

  // Slots at or below are needed by nobody.
  void CutThrough(GroupId group, Slot slot);

  // The same, durably; runs `done` on this thread when it is. Not even a full disk holds it up: of
  // what was posted before, and waits for space, nothing at or below is needed either.
  void CutDurably(GroupId group, Slot slot, std::function<void()> done);

  // Of records posted and not durable yet.
  size_t backlog_bytes() const { return box_.backlog(); }
  uint64_t size_bytes() const { return size_bytes_.load(std::memory_order_relaxed); }

  // The same, but nothing while a cut is under way, which may make it less.
  std::optional<uint64_t> settled_bytes() const;

  // How long the oldest of what it has taken up has waited to become durable.
  absl::Duration stalled_for() const { return stall_.Age(); }

 private:
  struct Cut {
    GroupId group;
    Slot slot;
    std::function<void()> done;  // when it must be durable
  };
  struct Item {
    Work work;
    Cut cut;
    size_t cost = 0;
  };

  void Run();
  // Carries out the cuts among the items held from `first` on, and says so. False when the log
  // failed.
  bool CutHeld(size_t first);
  // Makes durable what is held, and releases it, unless the disk is full. False when the log
  // failed.
  bool Persist();
  // The log takes no records until it has synced those that it has.
  absl::Status AppendHeld();
  bool WaitForSpace(const absl::Status& status);
  void Release();

  storage::AcceptorLog* const log_;
  NodeMetrics* const metrics_;
  const Clock* const clock_;
  const Outlets outlets_;
  const absl::Duration space_retry_;
  Mailbox<Item> box_;

  // The thread's.
  std::vector<Item> held_;  // not durable yet, in order
  size_t appended_ = 0;     // of those, to the log
  bool full_ = false;
  absl::Duration retry_at_;

  StallMeter stall_;
  std::atomic<uint64_t> size_bytes_;
  std::atomic<size_t> cuts_under_way_{0};
  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_LOG_THREAD_H_
