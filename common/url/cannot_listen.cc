#include "common/url/cannot_listen.h"

#include "absl/strings/str_cat.h"

namespace synod {

absl::Status CannotListen(absl::string_view address, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot listen on ", address, ": ", why, "; stop what uses it, or give another address"));
}

}  // namespace synod
