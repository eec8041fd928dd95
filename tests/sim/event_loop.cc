#include "tests/sim/event_loop.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::sim {

void EventLoop::After(absl::Duration delay, Action action) {
  SYNOD_CHECK(delay >= absl::ZeroDuration());
  heap_.push_back({now_ + delay, sequence_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

bool EventLoop::RunOne() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.time;
  ++executed_;
  event.action();
  return true;
}

}  // namespace synod::sim
