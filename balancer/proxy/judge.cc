#include "balancer/proxy/judge.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "balancer/proxy/grpc_text.h"

namespace synod::balancer {
namespace {

// Of the UNAVAILABLE answers of a node. Its own troubles are not among them: a server that stops,
// one that lost its connections, one that is late to apply. One that hangs says so in its health.
bool IsNotTheNodesOwn(const HeaderList& last) {
  if (last.Get("synod-member").data() == nullptr) return false;
  static constexpr absl::string_view kTexts[] = {
      "etcdserver: no leader",
      "etcdserver: leader changed",
      "etcdserver: request timed out",
      "etcdserver: request timed out, possibly due to previous leader failure",
      "etcdserver: unhealthy cluster",
  };
  const absl::string_view message = last.Get("grpc-message");
  // The revision that the client asked for in synod-min-revision.
  return absl::StartsWith(message, "synod: revision ") ||
         std::find(std::begin(kTexts), std::end(kTexts), message) != std::end(kTexts);
}

}  // namespace

CallResult Judge(const HeaderList& last, bool http_failed) {
  const absl::string_view status = last.Get("grpc-status");
  if (status.data() == nullptr) return http_failed ? CallResult::kFailed : CallResult::kAnswered;
  const std::optional<absl::StatusCode> code = ParseGrpcStatus(status);
  if (!code) return CallResult::kFailed;
  if (*code == absl::StatusCode::kInternal) {
    // What a node says before it knows of any call, so without its name.
    return last.Get("grpc-message") == "synod: the request cannot be parsed"
               ? CallResult::kCancelled
               : CallResult::kFailed;
  }
  if (*code != absl::StatusCode::kUnavailable) return CallResult::kAnswered;
  return IsNotTheNodesOwn(last) ? CallResult::kCancelled : CallResult::kFailed;
}

}  // namespace synod::balancer
