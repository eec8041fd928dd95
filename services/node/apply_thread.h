// The apply thread owns the state machine's writes: it applies chosen slots in order, many to one
// engine write, and settles what this node's clients wait for. It also knows which changes of the
// members took effect, and keeps the configurations in the state, with the slot that brought them.
//
// It also decides when the engine is made durable, so that the log can be cut; the flush itself
// runs elsewhere. A failing engine ends the node (fatal.h).
//
// Thread-safety: all public methods from any thread.
#ifndef SYNOD_SERVICES_NODE_APPLY_THREAD_H_
#define SYNOD_SERVICES_NODE_APPLY_THREAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/clock.h"
#include "services/node/applied_state.h"
#include "services/node/fatal.h"
#include "services/node/mailbox.h"
#include "services/node/metrics.h"
#include "services/node/pending_table.h"
#include "services/node/stall_meter.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"

namespace synod::node {

class ApplyThread {
 public:
  struct Options {
    NodeId self;
    uint64_t flush_slots = 100'000;  // flush when so many slots ...
    size_t flush_bytes = 128 << 20;  // ... or bytes of values would be lost by a crash
    uint64_t window = 0;             // paxos::ReplicaOptions::window
  };

  // Of this node's own commands.
  struct Results {
    std::vector<PendingTable::Applied> own;
    std::vector<uint64_t> superseded;  // sequences of changes of the members that are void
  };

  // Called on the apply thread.
  struct Outlets {
    // State through `slot` is visible.
    std::function<void(Slot slot, Results results)> applied;

    // These are the configurations as of `slot`. Called before `applied`.
    std::function<void(const paxos::ConfigurationHistory& configurations, Slot slot)> configured;

    // State through `slot` would survive a crash.
    std::function<void(Slot slot)> durable;

    // The engine should be flushed soon.
    std::function<void()> flush;

    FatalHandler fatal;
  };

  // The pointers outlive the thread. `configurations` are those of the state.
  ApplyThread(Options options, AppliedState* state, paxos::ConfigurationHistory configurations,
              NodeMetrics* metrics, const Clock* clock, Outlets outlets);

  // Applies what was posted and joins.
  ~ApplyThread();
  ApplyThread(const ApplyThread&) = delete;
  ApplyThread& operator=(const ApplyThread&) = delete;

  // Slots contiguous with those posted before.
  void Post(std::vector<paxos::ChosenValue> chosen);

  // Replaces the state by this one, which is durable, while nothing is applied; reads go on.
  // `cut_log`, which makes the log's cut through its slot durable, is called once nothing else can
  // fail: a log that was cut above a state that stays has forgotten what the state may yet lose.
  // Not OK: nothing has changed. FailedPrecondition when the present state is not older; otherwise
  // what is wrong with the new one, or the error of `cut_log`. Values posted before may be in it
  // already.
  absl::Status Install(std::shared_ptr<State> state, const std::function<absl::Status()>& cut_log);

  // Makes a copy of the durable state in `dir`, which must not exist, and says of which slot it is.
  absl::StatusOr<Slot> Checkpoint(const std::string& dir);

  // Makes what is applied durable, and lets go of the history that only a crash could have brought
  // back into use: what lies below the compaction floor. Blocks.
  absl::Status DropHistory();

  // Of values posted and not applied yet.
  size_t backlog_bytes() const { return box_.backlog(); }
  // How long it has been at the same few slots, or at a look at what is durable.
  absl::Duration stalled_for() const { return stall_.Age(); }
  Slot applied() const { return Slot(applied_.load(std::memory_order_acquire)); }

 private:
  void Run();
  // This and CheckDurable are false when the engine failed.
  bool Apply(absl::Span<const paxos::ChosenValue> slots) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True when the configurations changed.
  bool Choose(const paxos::ChosenValue& chosen, Results& results)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CheckDurable(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  AppliedState* const state_;
  NodeMetrics* const metrics_;
  const Clock* const clock_;
  const Outlets outlets_;
  Mailbox<paxos::ChosenValue> box_;
  StallMeter stall_;
  std::atomic<uint64_t> applied_;

  absl::Mutex mutex_;  // held while something is applied or installed
  paxos::ConfigurationHistory configurations_ ABSL_GUARDED_BY(mutex_);
  absl::Duration next_check_ ABSL_GUARDED_BY(mutex_);
  Slot durable_ ABSL_GUARDED_BY(mutex_);
  Slot flush_asked_at_ ABSL_GUARDED_BY(mutex_);  // applied slot when a flush was last asked for
  size_t bytes_since_flush_ ABSL_GUARDED_BY(mutex_) = 0;  // of values

  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_APPLY_THREAD_H_
