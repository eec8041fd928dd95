// Keeps an event that repeats from flooding the log: so many lines of one event per interval, then
// silence; the first line of the next interval tells how many were left out.
//
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_COMMON_LOG_REPEAT_LIMITER_H_
#define SYNOD_COMMON_LOG_REPEAT_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace synod {

class RepeatLimiter {
 public:
  // At most `lines` of one event per `interval`.
  RepeatLimiter(int lines, absl::Duration interval) : lines_(lines), interval_(interval) {}

  // nullopt: leave this line out. Otherwise how many lines of this event were left out since the
  // last one that was let through. `now` is monotonic.
  std::optional<uint64_t> Admit(absl::string_view event, absl::Duration now);

 private:
  struct Window {
    absl::Duration start;
    int lines = 0;
    uint64_t left_out = 0;
  };

  // Events are string literals of the program, far fewer than this.
  static constexpr size_t kMaxEvents = 1024;

  const int lines_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Window> windows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod

#endif  // SYNOD_COMMON_LOG_REPEAT_LIMITER_H_
