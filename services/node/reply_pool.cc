#include "services/node/reply_pool.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace synod::node {
namespace {

// What one thread takes at a time: enough to be worth the lock, few enough that a big batch is
// shared.
constexpr size_t kChunk = 32;

}  // namespace

ReplyPool::ReplyPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

ReplyPool::~ReplyPool() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    posted_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ReplyPool::Post(PendingTable::Finished& finished) {
  if (finished.empty()) return;
  absl::MutexLock lock(&mutex_);
  int to_wake = sleeping_;
  for (size_t begin = 0; begin < finished.size(); begin += kChunk) {
    const auto first = finished.begin() + static_cast<ptrdiff_t>(begin);
    const auto last = first + static_cast<ptrdiff_t>(std::min(kChunk, finished.size() - begin));
    chunks_.emplace_back(std::make_move_iterator(first), std::make_move_iterator(last));
    if (to_wake-- > 0) posted_.Signal();
  }
  finished.clear();
}

void ReplyPool::Run() {
  for (;;) {
    PendingTable::Finished chunk;
    {
      absl::MutexLock lock(&mutex_);
      while (chunks_.empty() && !closed_) {
        ++sleeping_;
        posted_.Wait(&mutex_);
        --sleeping_;
      }
      if (chunks_.empty()) return;
      chunk = std::move(chunks_.front());
      chunks_.pop_front();
    }
    for (FinishedProposal& proposal : chunk) proposal.Run();
  }
}

}  // namespace synod::node
