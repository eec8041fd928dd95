// Looks names up without blocking a worker: one thread around the system's resolver, started with
// the first name.
//
// Thread-safety: Resolve from any thread.
#ifndef SYNOD_BALANCER_PROXY_RESOLVER_H_
#define SYNOD_BALANCER_PROXY_RESOLVER_H_

#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/socket.h"

namespace synod::balancer {

class Resolver {
 public:
  using Callback = std::function<void(absl::StatusOr<SocketAddress>)>;
  static constexpr size_t kMaxQueued = 256;

  Resolver() = default;
  ~Resolver();  // waits for the look-up under way; the others' callbacks never run

  // Runs `callback` in `loop`, which outlives this resolver. ResourceExhausted when too many wait.
  void Resolve(std::string host_port, EventLoop* loop, Callback callback);

 private:
  struct Question {
    std::string host_port;
    EventLoop* loop;
    Callback callback;
  };

  void Run();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !questions_.empty();
  }

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Question> questions_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_RESOLVER_H_
