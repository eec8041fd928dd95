#include "tests/sim/event_loop.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::sim {

void EventLoop::Schedule(absl::Duration delay, Task task) {
  SYNOD_CHECK(delay >= absl::ZeroDuration());
  size_t place = tasks_.size();
  if (free_.empty()) {
    tasks_.push_back(std::move(task));
  } else {
    place = free_.back();
    free_.pop_back();
    tasks_[place] = std::move(task);
  }
  heap_.push_back({now_ + delay, sequence_++, place});
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

bool EventLoop::RunOne() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), Later());
  const Due due = heap_.back();
  heap_.pop_back();
  Task task = std::move(tasks_[due.task]);
  free_.push_back(due.task);
  now_ = due.time;
  ++executed_;
  if (task.owner != nullptr) {
    task.owner->Run(task.life, std::move(task.action));
  } else {
    task.action();
  }
  return true;
}

}  // namespace synod::sim
