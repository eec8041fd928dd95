// etcdctl's exit codes, so that scripts need not tell the two apart.
#ifndef SYNOD_SERVICES_CTL_EXIT_CODE_H_
#define SYNOD_SERVICES_CTL_EXIT_CODE_H_

#include "absl/status/status.h"

namespace synod::ctl {

enum ExitCode : int {
  kOk = 0,
  kError = 1,
  kBadConnection = 2,
  kInvalidInput = 3,
  kServerError = 4,
  kUnhealthy = 5,
  kBadArguments = 128,
};

// What a failed call exits with.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_EXIT_CODE_H_
