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

// What a call ends with. As with etcdctl it is kError when the server refuses what it was asked;
// kBadConnection when there is no answer or no quorum for one, kServerError when the server itself
// failed. (What is refused before it is sent is kInvalidInput, Session::FailInput.)
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_EXIT_CODE_H_
