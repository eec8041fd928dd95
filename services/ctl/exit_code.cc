#include "services/ctl/exit_code.h"

namespace synod::ctl {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kBadConnection;
    case absl::StatusCode::kInvalidArgument:
      return kInvalidInput;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kCancelled:
      return kError;
    default:
      return kServerError;
  }
}

}  // namespace synod::ctl
