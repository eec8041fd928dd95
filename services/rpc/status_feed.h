// Tells listeners the node's status when it changes and at intervals: the source of health and of
// the cluster view. One thread, which calls them all; they must be quick.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_STATUS_FEED_H_
#define SYNOD_SERVICES_RPC_STATUS_FEED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"
#include "services/rpc/backend.h"

namespace synod::rpc {

class StatusFeed {
 public:
  using Listener = std::function<void(const NodeStatus&)>;

  // The backend outlives the feed.
  explicit StatusFeed(Backend* backend);
  StatusFeed(const StatusFeed&) = delete;
  StatusFeed& operator=(const StatusFeed&) = delete;
  ~StatusFeed();

  // Calls the listener now (on the feed's thread), after each change and at least every `interval`
  // of the backend's clock.
  // Returns what Remove takes.
  uint64_t Add(absl::Duration interval, Listener listener);

  // Afterwards the listener is not called and not being called. Not from a listener.
  void Remove(uint64_t id);

 private:
  struct Entry {
    Entry(absl::Duration every, Listener tell) : interval(every), listener(std::move(tell)) {}

    const absl::Duration interval;
    absl::Duration due = -absl::InfiniteDuration();  // under the feed's mutex

    absl::Mutex calling;
    Listener listener ABSL_GUARDED_BY(calling);  // null once removed
  };

  void Run();

  // Waits for something to do and returns whom to tell; empty when the feed stops.
  std::vector<std::shared_ptr<Entry>> Await();

  Backend* const backend_;
  absl::Mutex mutex_;
  SteadyCondVar wake_;
  std::map<uint64_t, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::shared_ptr<void> subscription_;
  std::thread thread_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_STATUS_FEED_H_
