// Virtual time: a heap of actions ordered by (time, order of scheduling). Single-threaded; an hour
// passes as fast as its actions run.
#ifndef SYNOD_TESTS_SIM_EVENT_LOOP_H_
#define SYNOD_TESTS_SIM_EVENT_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace synod::sim {

class EventLoop {
 public:
  using Action = absl::AnyInvocable<void()>;

  // Decides about what it has scheduled when the time comes.
  class Owner {
   public:
    virtual void Run(uint64_t life, Action action) = 0;

   protected:
    ~Owner() = default;
  };

  // Since the start of the run.
  absl::Duration now() const { return now_; }

  // Runs `action` once, `delay` (not negative) from now, behind everything scheduled for that
  // instant before.
  void After(absl::Duration delay, Action action) {
    Schedule(delay, {std::move(action), nullptr, 0});
  }
  // ... by way of its owner, which outlives the run; `life` is the owner's word.
  void After(absl::Duration delay, Owner& owner, uint64_t life, Action action) {
    Schedule(delay, {std::move(action), &owner, life});
  }

  // Runs the next action; false when there is none.
  bool RunOne();

  uint64_t executed() const { return executed_; }

 private:
  struct Task {
    Action action;
    Owner* owner;  // may be null
    uint64_t life;
  };
  // Small, because a heap moves its entries all the time.
  struct Due {
    absl::Duration time;
    uint64_t sequence;
    size_t task;
  };
  // A max-heap of "later" is a min-heap of time.
  struct Later {
    bool operator()(const Due& a, const Due& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };

  void Schedule(absl::Duration delay, Task task);

  std::vector<Due> heap_;
  std::vector<Task> tasks_;   // by Due::task
  std::vector<size_t> free_;  // places in tasks_
  absl::Duration now_;
  uint64_t sequence_ = 0;
  uint64_t executed_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_EVENT_LOOP_H_
