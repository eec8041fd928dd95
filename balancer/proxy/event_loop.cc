#include "balancer/proxy/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/check.h"

namespace synod::balancer {

EventLoop::EventLoop(const Clock* clock)
    : clock_(clock),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(clock->Monotonic()) {
  SYNOD_CHECK(epoll_fd_ >= 0 && wake_fd_ >= 0) << "errno=" << errno;
  Add(wake_fd_, EPOLLIN, nullptr);
}

EventLoop::~EventLoop() {
  close(wake_fd_);
  close(epoll_fd_);
}

void EventLoop::Add(int fd, uint32_t epoll_events, Handler* handler) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = handler;
  SYNOD_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) << "errno=" << errno;
}

void EventLoop::Modify(int fd, uint32_t epoll_events, Handler* handler) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = handler;
  SYNOD_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0) << "errno=" << errno;
}

void EventLoop::Remove(int fd) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::AddTimer(absl::Duration delay, std::function<void()> callback) {
  const TimerId id(clock_->Monotonic() + delay, next_timer_++);
  timers_.emplace(id, std::move(callback));
  return id;
}

void EventLoop::CancelTimer(TimerId id) {
  timers_.erase(id);
}

void EventLoop::ScheduleFlush(Handler* handler) {
  if (handler->flush_scheduled_) return;
  handler->flush_scheduled_ = true;
  to_flush_.push_back(handler);
}

void EventLoop::DeleteLater(std::unique_ptr<Handler> handler) {
  to_delete_.push_back(std::move(handler));
}

void EventLoop::Post(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  posted_.push_back(std::move(task));
  if (posted_.size() == 1) Wake();
}

void EventLoop::Stop() {
  stopping_.store(true, std::memory_order_relaxed);
  Wake();
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake already.
  [[maybe_unused]] const ssize_t n = write(wake_fd_, &one, sizeof one);
}

void EventLoop::Run() {
  std::array<epoll_event, 256> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int n = epoll_wait(epoll_fd_, events.data(), events.size(), WaitMillis());
    SYNOD_CHECK(n >= 0 || errno == EINTR) << "errno=" << errno;
    now_ = clock_->Monotonic();
    bool woken = false;
    for (int i = 0; i < n; ++i) {
      if (auto* handler = static_cast<Handler*>(events[i].data.ptr)) {
        handler->OnEvents(events[i].events);
      } else {
        woken = true;
      }
    }
    RunTimers();
    if (woken) RunPosted();
    FlushAndDelete();
  }
}

int EventLoop::WaitMillis() const {
  if (timers_.empty()) return -1;
  const absl::Duration wait = timers_.begin()->first.first - clock_->Monotonic();
  // Rounded up, so that a timer is due when the wait ends.
  const int64_t millis = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
  return static_cast<int>(std::clamp<int64_t>(millis, 0, 60'000));
}

void EventLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= now_) {
    auto due = timers_.extract(timers_.begin());
    due.mapped()();
  }
}

void EventLoop::RunPosted() {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = read(wake_fd_, &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    absl::MutexLock lock(&mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::FlushAndDelete() {
  while (!to_flush_.empty() || !to_delete_.empty()) {
    // Flushing one connection may give another something to send; the list grows meanwhile.
    for (size_t i = 0; i < to_flush_.size(); ++i) {
      Handler* handler = to_flush_[i];
      handler->flush_scheduled_ = false;
      handler->OnFlush();
    }
    to_flush_.clear();
    std::vector<std::unique_ptr<Handler>> doomed;
    doomed.swap(to_delete_);
  }
}

}  // namespace synod::balancer
