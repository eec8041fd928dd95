// Writers that never stop and forget nothing: what was acknowledged, when, and what may have
// happened.
//
// Each writer has a connection of its own, writes keys nobody else writes, each once, and never
// retries: a key that is found with a version above 1 was applied twice by somebody else. Beside
// that each writer moves a counter of its own by compare-and-swap; an acknowledged step that is
// missing, or one that was applied twice, breaks the chain of its values.
#ifndef SYNOD_TESTS_E2E_WRITE_LOAD_H_
#define SYNOD_TESTS_E2E_WRITE_LOAD_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/e2e/client.h"

namespace synod::e2e {

class WriteLoad {
 public:
  // Starts `writers` threads that write through `address` until Stop.
  WriteLoad(std::string address, int writers);
  ~WriteLoad();

  void Stop();

  size_t Acknowledged() const;
  // Until `count` more writes were acknowledged; false after `limit`.
  bool AwaitMore(size_t count, absl::Duration limit) const;
  // The longest that one of the writers went without an acknowledgement, from `since` to `until` or
  // to the last acknowledgement of all: no other writer makes up for one that stands.
  absl::Duration LongestPause(absl::Time since, absl::Time until = absl::InfiniteFuture()) const;

  // Reads everything back through `address` and returns one line for each acknowledged write that
  // is missing or wrong and each that was applied twice; at most ten. Call after Stop.
  std::vector<std::string> Faults(const std::string& address) const;

 private:
  struct Acknowledgement {  // in the order of `at`
    absl::Time at;
    int writer = 0;
    std::string key;
  };
  // What is known of a counter: the last acknowledged value, and the highest that was ever sent.
  struct Counter {
    int64_t acknowledged = 0;
    int64_t sent = 0;
  };

  void Write(int writer);
  void PutNewKey(Client& client, int writer, const std::string& key);
  void StepCounter(Client& client, const std::string& key, Counter& counter);

  const std::string address_;
  std::atomic<bool> stop_{false};
  std::vector<Counter> counters_;  // one per writer, read after Stop
  mutable absl::Mutex mutex_;
  std::vector<Acknowledgement> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace synod::e2e

#endif  // SYNOD_TESTS_E2E_WRITE_LOAD_H_
