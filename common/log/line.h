// One log line under construction: an event and its fields, in text or JSON.
//
//   text: INFO  became leader node=1 ballot=3.1
//   json: "level":"info","msg":"became leader","node":"1","ballot":"3.1"
//
// (The time stamp and JSON's braces are the sink's.) Thread-safety: one owner.
#ifndef SYNOD_COMMON_LOG_LINE_H_
#define SYNOD_COMMON_LOG_LINE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace synod {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kText, kJson };

// "debug", "info", "warn", "error".
absl::string_view LogLevelName(LogLevel level);

class LogLineText {
 public:
  LogLineText(LogFormat format, LogLevel level, absl::string_view event);

  // Keys are plain words of our own; values may hold any bytes.
  void Field(absl::string_view key, absl::string_view value);

  std::string Take() { return std::move(text_); }

 private:
  const LogFormat format_;
  std::string text_;
};

}  // namespace synod

#endif  // SYNOD_COMMON_LOG_LINE_H_
