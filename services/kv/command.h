// The bytes of a request in the log: compact, versioned, the same on every platform.
#ifndef SYNOD_SERVICES_KV_COMMAND_H_
#define SYNOD_SERVICES_KV_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/kv/types.h"

namespace synod::kv {

std::string EncodeCommand(const Request& request);

// InvalidArgument when the bytes are not exactly one request; never reads outside them, never
// recurses deeper than kMaxTxnDepth.
absl::StatusOr<Request> DecodeCommand(absl::string_view bytes);

inline constexpr int kMaxTxnDepth = 8;

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_COMMAND_H_
