// One worker's loop: descriptors by epoll, timers, work posted from other threads, and a flush at
// the end of each turn so that many small events make one write.
//
// A turn is: wait; handle what is ready; run due timers and posted work; flush; delete. Objects are
// deleted only by DeleteLater at the end of a turn, so a handler may close another that still has
// an event waiting in the same turn.
//
// Thread-safety: Post, Stop and nothing else from any thread; the rest on the thread of Run, or
// before it.
#ifndef SYNOD_BALANCER_PROXY_EVENT_LOOP_H_
#define SYNOD_BALANCER_PROXY_EVENT_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace synod::balancer {

class EventLoop {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnEvents(uint32_t epoll_events) = 0;
    // At the end of a turn in which ScheduleFlush was called for it; may be called for one that has
    // closed in the meantime.
    virtual void OnFlush() {}

   private:
    friend class EventLoop;
    bool flush_scheduled_ = false;
  };

  using TimerId = std::pair<absl::Duration, uint64_t>;  // when it is due, and a number

  explicit EventLoop(const Clock* clock);  // clock outlives the loop
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Monotonic time at the start of the turn.
  absl::Duration now() const { return now_; }

  // Level-triggered. The handler stays registered until Remove; the descriptor stays the caller's.
  void Add(int fd, uint32_t epoll_events, Handler* handler);
  void Modify(int fd, uint32_t epoll_events, Handler* handler);
  void Remove(int fd);

  TimerId AddTimer(absl::Duration delay, std::function<void()> callback);
  // No effect when the timer has fired already.
  void CancelTimer(TimerId id);

  void ScheduleFlush(Handler* handler);
  void DeleteLater(std::unique_ptr<Handler> handler);

  // Runs `task` in the loop's thread, in order. A task that the loop no longer runs because it
  // stopped is destroyed with the loop.
  void Post(std::function<void()> task);

  void Run();
  // Makes Run return at the end of its turn.
  void Stop();

 private:
  int WaitMillis() const;
  void Wake();
  void RunTimers();
  void RunPosted();
  void FlushAndDelete();

  const Clock* clock_;
  int epoll_fd_;
  int wake_fd_;
  absl::Duration now_;
  uint64_t next_timer_ = 0;
  std::map<TimerId, std::function<void()>> timers_;
  std::vector<Handler*> to_flush_;
  std::vector<std::unique_ptr<Handler>> to_delete_;
  std::atomic<bool> stopping_{false};

  absl::Mutex mutex_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_EVENT_LOOP_H_
