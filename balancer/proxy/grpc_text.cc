#include "balancer/proxy/grpc_text.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace synod::balancer {
namespace {

struct Unit {
  char letter;
  absl::Duration size;
};

std::array<Unit, 6> UnitsFinestFirst() {
  return {{{'n', absl::Nanoseconds(1)},
           {'u', absl::Microseconds(1)},
           {'m', absl::Milliseconds(1)},
           {'S', absl::Seconds(1)},
           {'M', absl::Minutes(1)},
           {'H', absl::Hours(1)}}};
}

constexpr int64_t kMaxTimeoutValue = 99'999'999;
constexpr char kHexDigits[] = "0123456789ABCDEF";

}  // namespace

std::optional<absl::Duration> ParseGrpcTimeout(absl::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  int64_t value = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  for (const Unit& unit : UnitsFinestFirst()) {
    if (unit.letter == text.back()) return value * unit.size;
  }
  return std::nullopt;
}

std::string FormatGrpcTimeout(absl::Duration timeout) {
  timeout = std::max(timeout, absl::Nanoseconds(1));
  for (const Unit& unit : UnitsFinestFirst()) {
    absl::Duration rest;
    const int64_t value = absl::IDivDuration(timeout, unit.size, &rest);
    if (value <= kMaxTimeoutValue) return absl::StrCat(value, std::string(1, unit.letter));
  }
  return absl::StrCat(kMaxTimeoutValue, "H");
}

std::string PercentEncode(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  return out;
}

bool IsGrpcContentType(absl::string_view content_type) {
  if (!absl::ConsumePrefix(&content_type, "application/grpc")) return false;
  return content_type.empty() || content_type.front() == '+' || content_type.front() == ';';
}

std::optional<absl::StatusCode> ParseGrpcStatus(absl::string_view text) {
  int code = 0;
  if (!absl::SimpleAtoi(text, &code) || code < 0 || code > 16) return std::nullopt;
  return static_cast<absl::StatusCode>(code);
}

int HttpStatusFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kResourceExhausted:
      return 431;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kInternal:
      return 502;
    default:
      return 503;
  }
}

}  // namespace synod::balancer
