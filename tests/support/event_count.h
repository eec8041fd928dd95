// A number that threads raise and a test waits for.
//
// Thread-safe.
#ifndef SYNOD_TESTS_SUPPORT_EVENT_COUNT_H_
#define SYNOD_TESTS_SUPPORT_EVENT_COUNT_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace synod::testing {

class EventCount {
 public:
  void Add() {
    absl::MutexLock lock(&mutex_);
    ++value_;
  }

  uint64_t value() const {
    absl::MutexLock lock(&mutex_);
    return value_;
  }

  // False when it has not come to `value` within `limit`.
  bool Await(uint64_t value, absl::Duration limit = absl::Seconds(10)) const {
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return value_ >= value; };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), limit);
  }

 private:
  mutable absl::Mutex mutex_;
  uint64_t value_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_EVENT_COUNT_H_
