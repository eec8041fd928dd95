// Counts client calls; the node implements it for its metrics and its load report.
#ifndef SYNOD_SERVICES_RPC_CALL_OBSERVER_H_
#define SYNOD_SERVICES_RPC_CALL_OBSERVER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace synod::rpc {

// The unary methods of etcd's API that are served.
enum class Method : uint8_t {
  kRange,
  kPut,
  kDeleteRange,
  kTxn,
  kCompact,
  kMemberList,
  kMemberAdd,
  kMemberRemove,
  kMemberUpdate,
  kMemberPromote,
  kStatus,
  kAlarm,
  kDefragment,
  kHashKv,
  kMoveLeader,
};
inline constexpr int kMethodCount = 15;

// As on the wire, without the leading slash: "etcdserverpb.KV/Range".
absl::string_view MethodName(Method method);

// Thread-safety: called from any thread, on the request path; must be quick.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void Started(Method method) = 0;
  // Once per Started; the code is what the client gets.
  virtual void Finished(Method method, absl::StatusCode code, absl::Duration latency) = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CALL_OBSERVER_H_
