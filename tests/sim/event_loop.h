// Virtual time: a heap of actions ordered by (time, order of scheduling). Single-threaded; an hour
// passes as fast as its actions run.
#ifndef SYNOD_TESTS_SIM_EVENT_LOOP_H_
#define SYNOD_TESTS_SIM_EVENT_LOOP_H_

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace synod::sim {

class EventLoop {
 public:
  using Action = absl::AnyInvocable<void()>;

  // Since the start of the run.
  absl::Duration now() const { return now_; }

  // Runs `action` once, `delay` (not negative) from now, behind everything scheduled for that
  // instant before.
  void After(absl::Duration delay, Action action);

  // Runs the next action; false when there is none.
  bool RunOne();

  uint64_t executed() const { return executed_; }

 private:
  struct Event {
    absl::Duration time;
    uint64_t sequence;
    Action action;
  };
  // A max-heap of "later" is a min-heap of time.
  static bool Later(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
  }

  std::vector<Event> heap_;
  absl::Duration now_;
  uint64_t sequence_ = 0;
  uint64_t executed_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_EVENT_LOOP_H_
