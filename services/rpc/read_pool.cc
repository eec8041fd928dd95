#include "services/rpc/read_pool.h"

#include <utility>

#include "common/check.h"

namespace synod::rpc {

ReadPool::ReadPool(int threads, size_t max_queued) : max_queued_(max_queued) {
  SYNOD_CHECK(threads >= 1) << "threads=" << threads;
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

ReadPool::~ReadPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.SignalAll();
  for (std::thread& thread : threads_) thread.join();
}

bool ReadPool::Post(std::function<void()> work) {
  {
    absl::MutexLock lock(&mutex_);
    if (queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(work));
  }
  wake_.Signal();
  return true;
}

void ReadPool::Run() {
  while (true) {
    std::function<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace synod::rpc
