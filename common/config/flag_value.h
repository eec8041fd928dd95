// Text of a flag, environment variable or file key into a typed value. One error wording for all
// three sources. Used by flags.cc alone.
#ifndef SYNOD_COMMON_CONFIG_FLAG_VALUE_H_
#define SYNOD_COMMON_CONFIG_FLAG_VALUE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace synod {

// Where a flag's value goes.
using FlagTarget = std::variant<std::string*, bool*, int*, int64_t*, absl::Duration*>;

// Parses `text` into the target and leaves it alone on error: InvalidArgument that says what a
// value of this type looks like, without naming the flag. `allowed`, when not empty, lists the
// choices.
absl::Status SetFlagValue(absl::string_view text, const std::vector<std::string>& allowed,
                          FlagTarget target);

// The current value as --help shows it.
std::string FlagValueText(FlagTarget target);

}  // namespace synod

#endif  // SYNOD_COMMON_CONFIG_FLAG_VALUE_H_
