#include "common/config/flag_value.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace synod {
namespace {

absl::Status Parse(absl::string_view text, std::string* value) {
  value->assign(text.data(), text.size());
  return absl::OkStatus();
}

absl::Status Parse(absl::string_view text, bool* value) {
  if (text == "true" || text == "1") {
    *value = true;
  } else if (text == "false" || text == "0") {
    *value = false;
  } else {
    return absl::InvalidArgumentError("is not true or false");
  }
  return absl::OkStatus();
}

template <class Integer>
absl::Status Parse(absl::string_view text, Integer* value) {
  Integer parsed = 0;
  if (!absl::SimpleAtoi(text, &parsed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("is not a whole number of at most ", sizeof(Integer) * 8, " bits"));
  }
  *value = parsed;
  return absl::OkStatus();
}

absl::Status Parse(absl::string_view text, absl::Duration* value) {
  absl::Duration parsed;
  if (int64_t milliseconds = 0; absl::SimpleAtoi(text, &milliseconds)) {
    parsed = absl::Milliseconds(milliseconds);
  } else if (!absl::ParseDuration(text, &parsed)) {
    return absl::InvalidArgumentError(
        "is not a duration; write 1.5s, 100ms, or a number of milliseconds");
  }
  if (parsed < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("is a negative duration");
  }
  *value = parsed;
  return absl::OkStatus();
}

std::string Text(const std::string* value) {
  return *value;
}
std::string Text(const bool* value) {
  return *value ? "true" : "false";
}
std::string Text(const int* value) {
  return absl::StrCat(*value);
}
std::string Text(const int64_t* value) {
  return absl::StrCat(*value);
}
std::string Text(const absl::Duration* value) {
  return absl::FormatDuration(*value);
}

}  // namespace

absl::Status SetFlagValue(absl::string_view text, const std::vector<std::string>& allowed,
                          FlagTarget target) {
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("is not one of: ", absl::StrJoin(allowed, ", ")));
  }
  return std::visit([text](auto* value) { return Parse(text, value); }, target);
}

std::string FlagValueText(FlagTarget target) {
  return std::visit([](const auto* value) { return Text(value); }, target);
}

}  // namespace synod
