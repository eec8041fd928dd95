// How one thread hands work to another: many post, the owner takes everything at once.
//
// A post wakes the owner only when it sleeps, so that under load a hand-over costs one lock and no
// system call. The box counts what its items cost until the owner says they are done; the bound is
// kept where work enters the node, by whoever looks at backlog() (see replica_thread.h): what is
// chosen or promised cannot be refused half-way.
//
// Thread-safety: Post, Close and backlog from any thread; Take and Done from the owner.
#ifndef SYNOD_SERVICES_NODE_MAILBOX_H_
#define SYNOD_SERVICES_NODE_MAILBOX_H_

#include <atomic>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"

namespace synod::node {

template <class T>
class Mailbox {
 public:
  // `cost` counts towards backlog() until Done. False after Close: the item is discarded.
  bool Post(T item, size_t cost = 1) {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    backlog_.fetch_add(cost, std::memory_order_relaxed);
    if (sleeping_) posted_.Signal();
    return true;
  }

  // Posts each of `items` at the cost that `cost_of` gives it, under one lock.
  template <class CostOf>
  void PostAll(std::vector<T>& items, CostOf cost_of) {
    size_t cost = 0;
    for (const T& item : items) cost += cost_of(item);
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    if (items_.empty()) {
      items_.swap(items);
    } else {
      std::move(items.begin(), items.end(), std::back_inserter(items_));
    }
    backlog_.fetch_add(cost, std::memory_order_relaxed);
    if (sleeping_) posted_.Signal();
  }

  // Waits for items, at most `timeout`, and swaps them all into `items`, which is cleared first.
  // False when the box is closed and empty.
  bool Take(std::vector<T>& items, absl::Duration timeout = absl::InfiniteDuration()) {
    items.clear();
    absl::MutexLock lock(&mutex_);
    if (items_.empty() && !closed_) {
      sleeping_ = true;
      posted_.WaitWithTimeout(&mutex_, timeout);
      sleeping_ = false;
    }
    items.swap(items_);
    return !items.empty() || !closed_;
  }

  // The work of items with this total cost is done.
  void Done(size_t cost) { backlog_.fetch_sub(cost, std::memory_order_relaxed); }

  size_t backlog() const { return backlog_.load(std::memory_order_relaxed); }

  // What is in the box may still be taken.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    posted_.Signal();
  }

 private:
  absl::Mutex mutex_;
  SteadyCondVar posted_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
  bool sleeping_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<size_t> backlog_{0};
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_MAILBOX_H_
