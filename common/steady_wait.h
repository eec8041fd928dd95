// Waits that are measured by the monotonic clock.
//
// Abseil of Debian 12 turns a timeout into a point of wall-clock time, and the kernel keeps to it:
// a wait that is under way when the clock is set back an hour lasts an hour longer. Who waits for
// the next tick, or for what keeps a cluster alive, waits with these.
//
// Thread-safety: all members may be called by any thread.
#ifndef SYNOD_COMMON_STEADY_WAIT_H_
#define SYNOD_COMMON_STEADY_WAIT_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace synod {

// As absl::CondVar. Waits may end early.
class SteadyCondVar {
 public:
  void Signal() { changed_.notify_one(); }
  void SignalAll() { changed_.notify_all(); }

  // Any timeout, zero, negative and infinite ones too. True when it has passed.
  bool WaitWithTimeout(absl::Mutex* mutex, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Lockable lockable{mutex};
    return changed_.wait_for(lockable, absl::ToChronoNanoseconds(std::min(timeout, kLongest))) ==
           std::cv_status::timeout;
  }

  // Until `condition` holds, which whoever makes it hold signals, or the timeout has passed. Says
  // whether it holds.
  template <class Condition>
  bool Await(absl::Mutex* mutex, absl::Duration timeout, Condition condition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto start = std::chrono::steady_clock::now();
    for (absl::Duration left = timeout; !condition() && left > absl::ZeroDuration();
         left = timeout - absl::FromChrono(std::chrono::steady_clock::now() - start)) {
      WaitWithTimeout(mutex, left);
    }
    return condition();
  }

 private:
  // Can be added to the time that it is without overflow.
  static constexpr absl::Duration kLongest = absl::Hours(24 * 365);

  struct Lockable {
    absl::Mutex* mutex;
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Unlock(); }
  };

  std::condition_variable_any changed_;
};

// As absl::Notification: something that happens once.
class Event {
 public:
  void Notify() {
    absl::MutexLock lock(&mutex_);
    notified_ = true;
    changed_.SignalAll();
  }

  bool HasBeenNotified() const {
    absl::MutexLock lock(&mutex_);
    return notified_;
  }

  // Returns when it has happened, true, or when `timeout` has passed, false.
  bool WaitWithTimeout(absl::Duration timeout) const {
    absl::MutexLock lock(&mutex_);
    return changed_.Await(&mutex_, timeout,
                          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return notified_; });
  }

 private:
  mutable absl::Mutex mutex_;
  mutable SteadyCondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace synod

#endif  // SYNOD_COMMON_STEADY_WAIT_H_
