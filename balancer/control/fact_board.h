// Where followers write what they hear and the control loop reads it: the latest facts by address,
// not a queue, so that a slow reader misses nothing that still matters and nothing piles up.
//
// Thread-safety: all members may be called by any thread.
#ifndef SYNOD_BALANCER_CONTROL_FACT_BOARD_H_
#define SYNOD_BALANCER_CONTROL_FACT_BOARD_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "balancer/control/facts.h"
#include "common/steady_wait.h"

namespace synod::balancer {

class FactBoard {
 public:
  // Called under the board's lock; must not call the board.
  void Update(const std::string& address, const std::function<void(BackendFacts&)>& change) {
    const absl::MutexLock lock(&mutex_);
    if (const auto found = facts_.find(address); found != facts_.end()) change(found->second);
    WakeLocked();
  }

  // Adds and forgets addresses; updates for others are ignored.
  void Keep(const std::vector<std::string>& addresses) {
    const absl::MutexLock lock(&mutex_);
    FactsByAddress kept;
    for (const std::string& address : addresses) kept[address] = std::move(facts_[address]);
    facts_ = std::move(kept);
  }

  // Makes the next WaitForChange return at once.
  void Wake() {
    const absl::MutexLock lock(&mutex_);
    WakeLocked();
  }

  // Until something changed since the last call, at most `timeout`. From one thread.
  void WaitForChange(absl::Duration timeout) {
    const absl::MutexLock lock(&mutex_);
    if (!changed_) woken_.WaitWithTimeout(&mutex_, timeout);
    changed_ = false;
  }

  FactsByAddress facts() const {
    const absl::MutexLock lock(&mutex_);
    return facts_;
  }

 private:
  void WakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    changed_ = true;
    woken_.Signal();
  }

  mutable absl::Mutex mutex_;
  SteadyCondVar woken_;
  FactsByAddress facts_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_FACT_BOARD_H_
