// A few threads that run reads: linearizable ones once they are safe, so that the node's own
// threads, which say when that is, need not; and ranges, which take long, only so many at once.
//
// Thread-safety: Post from any thread.
#ifndef SYNOD_SERVICES_RPC_READ_POOL_H_
#define SYNOD_SERVICES_RPC_READ_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace synod::rpc {

class ReadPool {
 public:
  // Precondition: threads >= 1.
  ReadPool(int threads, size_t max_queued);
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // Runs what is queued, then joins.
  ~ReadPool();

  // False when the queue is full: the work is not taken.
  bool Post(std::function<void()> work);

 private:
  void Run();

  const size_t max_queued_;
  absl::Mutex mutex_;
  absl::CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_READ_POOL_H_
