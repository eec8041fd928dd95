// The log of a process: lines of an event and key=value fields, in text or JSON.
//
//   log.Info("became leader").With("node", self).With("ballot", ballot);
//
// The line is written when the statement ends. Writing never blocks: lines wait in a bounded queue
// for a thread of the log's own, and when the sink cannot keep up the oldest are dropped and
// counted. Repeats of one event are rate-limited, errors too (`left_out=` tells how many).
//
// Keys are fixed words: node, peer, ballot, slot, error, ... Nothing per request at `info`.
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_COMMON_LOG_LOG_H_
#define SYNOD_COMMON_LOG_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/log/line.h"

namespace synod {

class Log;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  size_t queue_lines = 8192;

  // Lines of one event per interval.
  int repeat_lines = 10;
  absl::Duration repeat_interval = absl::Seconds(10);
};

// Parses "debug", "info", "warn", "error"; nullopt otherwise.
std::optional<LogLevel> ParseLogLevel(absl::string_view name);

// A line under way; empty when its level is off or it is a repeat too many.
class LogEntry {
 public:
  LogEntry(Log* log, std::optional<LogLineText> line) : log_(log), line_(std::move(line)) {}
  LogEntry(const LogEntry&) = delete;
  LogEntry& operator=(const LogEntry&) = delete;
  ~LogEntry();

  template <class T>
  LogEntry& With(absl::string_view key, const T& value) {
    if (!line_) return *this;
    if constexpr (std::is_convertible_v<T, absl::string_view>) {
      line_->Field(key, value);
    } else if constexpr (std::is_same_v<T, bool>) {
      line_->Field(key, value ? "true" : "false");
    } else {
      std::ostringstream text;
      text << value;
      line_->Field(key, text.str());
    }
    return *this;
  }

 private:
  Log* const log_;
  std::optional<LogLineText> line_;
};

class Log {
 public:
  // Takes one finished line with its newline; called on the log's thread alone.
  using Sink = std::function<void(absl::string_view)>;

  // Writes to stderr. The clock outlives the log.
  Log(LogOptions options, const Clock* clock);
  Log(LogOptions options, const Clock* clock, Sink sink);
  // Writes out what is queued; waits for the sink.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `event` says what happened, in a few fixed words.
  LogEntry Debug(absl::string_view event) { return Entry(LogLevel::kDebug, event); }
  LogEntry Info(absl::string_view event) { return Entry(LogLevel::kInfo, event); }
  LogEntry Warn(absl::string_view event) { return Entry(LogLevel::kWarn, event); }
  LogEntry Error(absl::string_view event) { return Entry(LogLevel::kError, event); }

  // Lines lost because the sink could not keep up.
  uint64_t dropped_total() const;

 private:
  friend class LogEntry;
  class Writer;

  LogEntry Entry(LogLevel level, absl::string_view event);
  void Write(std::string line);

  std::unique_ptr<Writer> writer_;
};

}  // namespace synod

#endif  // SYNOD_COMMON_LOG_LOG_H_
