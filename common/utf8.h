// Whether bytes are text.
#ifndef SYNOD_COMMON_UTF8_H_
#define SYNOD_COMMON_UTF8_H_

#include "absl/strings/string_view.h"

namespace synod {

// True for well-formed UTF-8 (The Unicode Standard, table 3-7): no overlong forms, no surrogates,
// nothing above U+10FFFF.
bool IsUtf8(absl::string_view bytes);

}  // namespace synod

#endif  // SYNOD_COMMON_UTF8_H_
