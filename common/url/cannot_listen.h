// The one sentence of every server that cannot listen.
#ifndef SYNOD_COMMON_URL_CANNOT_LISTEN_H_
#define SYNOD_COMMON_URL_CANNOT_LISTEN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace synod {

// FailedPrecondition: which address ("host:port"), why ("Address already in use"), what to do.
absl::Status CannotListen(absl::string_view address, absl::string_view why);

}  // namespace synod

#endif  // SYNOD_COMMON_URL_CANNOT_LISTEN_H_
