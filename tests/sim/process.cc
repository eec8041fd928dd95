#include "tests/sim/process.h"

#include <utility>

#include "common/check.h"

namespace synod::sim {

void Process::Start() {
  SYNOD_CHECK(!alive_);
  alive_ = true;
  paused_ = false;
  ++life_;
}

void Process::Kill() {
  alive_ = false;
  paused_ = false;
  held_.clear();
}

void Process::Resume() {
  if (!paused_) return;
  paused_ = false;
  std::deque<EventLoop::Action> held = std::move(held_);
  held_.clear();
  for (EventLoop::Action& action : held) After(absl::ZeroDuration(), std::move(action));
}

void Process::Run(uint64_t life, EventLoop::Action action) {
  if (!alive_ || life != life_) return;
  if (paused_) {
    held_.push_back(std::move(action));
  } else {
    action();
  }
}

}  // namespace synod::sim
