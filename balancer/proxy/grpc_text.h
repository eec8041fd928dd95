// The few pieces of gRPC over HTTP/2 that a proxy must read or write itself.
// Source: grpc/grpc, doc/PROTOCOL-HTTP2.md.
#ifndef SYNOD_BALANCER_PROXY_GRPC_TEXT_H_
#define SYNOD_BALANCER_PROXY_GRPC_TEXT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace synod::balancer {

// The value of `grpc-timeout`: one to eight digits and a unit of H, M, S, m, u, n. Nullopt for
// anything else.
std::optional<absl::Duration> ParseGrpcTimeout(absl::string_view text);

// The finest unit that fits in eight digits; never below 1n, which the callee sees as expired.
std::string FormatGrpcTimeout(absl::Duration timeout);

// `grpc-message`: bytes outside printable ASCII, and '%', as %XX.
std::string PercentEncode(absl::string_view text);

// True for application/grpc and application/grpc+anything.
bool IsGrpcContentType(absl::string_view content_type);

// The number in `grpc-status`; nullopt when it is missing or not one of gRPC's.
std::optional<absl::StatusCode> ParseGrpcStatus(absl::string_view text);

// The HTTP status under which a caller that does not speak gRPC gets the balancer's own error.
int HttpStatusFor(absl::StatusCode code);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_GRPC_TEXT_H_
