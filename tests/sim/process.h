// One simulated operating-system process: what it has scheduled dies with it, and waits while it is
// paused (SIGSTOP, a frozen virtual machine).
#ifndef SYNOD_TESTS_SIM_PROCESS_H_
#define SYNOD_TESTS_SIM_PROCESS_H_

#include <cstdint>
#include <deque>
#include <utility>

#include "tests/sim/event_loop.h"

namespace synod::sim {

class Process final : private EventLoop::Owner {
 public:
  explicit Process(EventLoop& loop) : loop_(loop) {}

  // The next life begins; ids grow.
  void Start();
  // Nothing scheduled so far will run.
  void Kill();

  void Pause() { paused_ = true; }
  // What came due in the meantime runs now, in its order.
  void Resume();

  bool alive() const { return alive_; }
  bool paused() const { return paused_; }
  uint64_t life() const { return life_; }

  // Does what it is asked at once: runs, and is not paused.
  bool responsive() const { return alive_ && !paused_; }

  // Runs `action` within this life only.
  void After(absl::Duration delay, EventLoop::Action action) {
    loop_.After(delay, *this, life_, std::move(action));
  }

 private:
  void Run(uint64_t life, EventLoop::Action action) override;

  EventLoop& loop_;
  bool alive_ = false;
  bool paused_ = false;
  uint64_t life_ = 0;
  std::deque<EventLoop::Action> held_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_PROCESS_H_
