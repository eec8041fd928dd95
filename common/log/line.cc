#include "common/log/line.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace synod {
namespace {

bool NeedsQuotes(absl::string_view value) {
  return value.empty() || std::any_of(value.begin(), value.end(), [](char c) {
           return !absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"' || c == '=' ||
                  c == '\\';
         });
}

// Bytes above 127 pass as they are when they came as UTF-8, which they do in names and messages.
void AppendJsonString(std::string& out, absl::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) {
  constexpr absl::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<size_t>(level)];
}

LogLineText::LogLineText(LogFormat format, LogLevel level, absl::string_view event)
    : format_(format) {
  const absl::string_view name = LogLevelName(level);
  if (format_ == LogFormat::kText) {
    text_ = absl::StrFormat("%-5s %s", absl::AsciiStrToUpper(name), event);
  } else {
    absl::StrAppend(&text_, "\"level\":\"", name, "\",\"msg\":");
    AppendJsonString(text_, event);
  }
}

void LogLineText::Field(absl::string_view key, absl::string_view value) {
  if (format_ == LogFormat::kJson) {
    absl::StrAppend(&text_, ",\"", key, "\":");
    AppendJsonString(text_, value);
  } else if (NeedsQuotes(value)) {
    absl::StrAppend(&text_, " ", key, "=\"", absl::CHexEscape(value), "\"");
  } else {
    absl::StrAppend(&text_, " ", key, "=", value);
  }
}

}  // namespace synod
