#include "common/log/repeat_limiter.h"

#include <utility>

namespace synod {

std::optional<uint64_t> RepeatLimiter::Admit(absl::string_view event, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (windows_.size() >= kMaxEvents && !windows_.contains(event)) windows_.clear();
  Window& window = windows_.try_emplace(event, Window{now}).first->second;
  if (now - window.start >= interval_) {
    window.start = now;
    window.lines = 0;
  }
  if (window.lines >= lines_) {
    ++window.left_out;
    return std::nullopt;
  }
  ++window.lines;
  return std::exchange(window.left_out, 0);
}

}  // namespace synod
