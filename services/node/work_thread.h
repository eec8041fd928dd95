// A thread that runs what it is given, in order: for work that is rare and may take long, away from
// the threads that must not wait.
#ifndef SYNOD_SERVICES_NODE_WORK_THREAD_H_
#define SYNOD_SERVICES_NODE_WORK_THREAD_H_

#include <cstddef>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "services/node/mailbox.h"

namespace synod::node {

class WorkThread {
 public:
  explicit WorkThread(size_t max_queued) : max_queued_(max_queued), thread_([this] { Run(); }) {}

  // Finishes what is queued.
  ~WorkThread() {
    box_.Close();
    thread_.join();
  }

  // False when too much is queued. Any thread.
  bool Post(std::function<void()> work) {
    if (box_.backlog() >= max_queued_) return false;
    box_.Post(std::move(work));
    return true;
  }

 private:
  void Run() {
    std::vector<std::function<void()>> batch;
    while (box_.Take(batch)) {
      for (const auto& work : batch) {
        work();
        box_.Done(1);
      }
    }
  }

  const size_t max_queued_;
  Mailbox<std::function<void()>> box_;
  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_WORK_THREAD_H_
