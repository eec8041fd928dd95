// The apply thread owns the state machine's writes: it applies chosen slots in order, many to one
// engine write, and settles what this node's clients wait for.
//
// It also decides when the engine is made durable, so that the log can be cut; the flush itself
// runs elsewhere. A failing engine ends the node (fatal.h).
//
// Thread-safety: Post and the numbers from any thread.
#ifndef SYNOD_SERVICES_NODE_APPLY_THREAD_H_
#define SYNOD_SERVICES_NODE_APPLY_THREAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/types/span.h"
#include "common/clock.h"
#include "services/kv/state_machine.h"
#include "services/node/fatal.h"
#include "services/node/mailbox.h"
#include "services/node/metrics.h"
#include "services/node/pending_table.h"
#include "services/paxos/message.h"

namespace synod::node {

class ApplyThread {
 public:
  struct Options {
    NodeId self;
    uint64_t flush_slots = 100'000;  // flush when so many slots ...
    size_t flush_bytes = 128 << 20;  // ... or bytes of values would be lost by a crash
  };

  // Called on the apply thread.
  struct Outlets {
    // State through `slot` is visible; these are the results of this node's own commands.
    std::function<void(Slot slot, std::vector<PendingTable::Applied> own)> applied;

    // State through `slot` would survive a crash.
    std::function<void(Slot slot)> durable;

    // The engine should be flushed soon.
    std::function<void()> flush;

    FatalHandler fatal;
  };

  // The pointers outlive the thread.
  ApplyThread(Options options, kv::StateMachine* machine, NodeMetrics* metrics, const Clock* clock,
              Outlets outlets);

  // Applies what was posted and joins.
  ~ApplyThread();
  ApplyThread(const ApplyThread&) = delete;
  ApplyThread& operator=(const ApplyThread&) = delete;

  // Slots contiguous with those posted before.
  void Post(std::vector<paxos::ChosenValue> chosen);

  // Of values posted and not applied yet.
  size_t backlog_bytes() const { return box_.backlog(); }
  Slot applied() const { return Slot(applied_.load(std::memory_order_acquire)); }

 private:
  void Run();
  // Both are false when the engine failed.
  bool Apply(absl::Span<const paxos::ChosenValue> slots);
  bool CheckDurable(absl::Duration now);

  const Options options_;
  kv::StateMachine* const machine_;
  NodeMetrics* const metrics_;
  const Clock* const clock_;
  const Outlets outlets_;
  Mailbox<paxos::ChosenValue> box_;
  std::atomic<uint64_t> applied_;

  absl::Duration next_check_;
  Slot durable_;
  Slot flush_asked_at_;           // applied slot when a flush was last asked for
  size_t bytes_since_flush_ = 0;  // of values

  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_APPLY_THREAD_H_
