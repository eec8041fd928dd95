// A thread that calls a function at once and then at intervals, until it is destroyed.
#ifndef SYNOD_SERVICES_NODE_PERIODIC_THREAD_H_
#define SYNOD_SERVICES_NODE_PERIODIC_THREAD_H_

#include <functional>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "common/steady_wait.h"

namespace synod::node {

class PeriodicThread {
 public:
  PeriodicThread(absl::Duration interval, std::function<void()> work)
      : thread_([this, interval, work = std::move(work)] {
          do {
            work();
          } while (!stop_.WaitWithTimeout(interval));
        }) {}

  // Waits for the call under way.
  ~PeriodicThread() {
    stop_.Notify();
    thread_.join();
  }
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

 private:
  Event stop_;
  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_PERIODIC_THREAD_H_
