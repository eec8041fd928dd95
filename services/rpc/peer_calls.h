// The rare questions one node asks another on the peer port, each on a connection of its own.
//
// Thread-safety: free functions; they block up to their timeout.
#ifndef SYNOD_SERVICES_RPC_PEER_CALLS_H_
#define SYNOD_SERVICES_RPC_PEER_CALLS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/rpc/member_change.h"
#include "services/rpc/peer_transport.h"

namespace synod::rpc {

// Asks the member at `address` (host:port) who the member with these peer URLs is. NotFound when it
// knows none; Unavailable or DeadlineExceeded when it does not answer; FailedPrecondition when it
// runs another release.
absl::StatusOr<JoinAnswer> AskWhoIAm(const std::string& address,
                                     const std::vector<std::string>& peer_urls,
                                     absl::Duration timeout);

// Hands a change to the leader at `address`. FailedPrecondition when it does not lead: nothing was
// done. Any other error: the outcome is unknown. `give_up` is asked some fifty times a second and
// ends it with Cancelled.
absl::StatusOr<MemberOutcome> AskForChange(const std::string& address, ClusterId cluster,
                                           const MemberChange& change, absl::Duration timeout,
                                           kv::GiveUp give_up);

struct HashQuestion {
  ClusterId cluster;
  NodeId self;
  kv::Revision revision = 0;
};

// The hash of the store of the member at `address` as of a revision that `self` has applied.
// OutOfRange when it has been compacted there, FailedPrecondition when that member runs another
// release, DataLoss when it cannot read its store. `give_up` is asked some fifty times a second and
// ends it with Cancelled.
absl::StatusOr<kv::HashResponse> AskForHash(const std::string& address,
                                            const HashQuestion& question, absl::Duration timeout,
                                            kv::GiveUp give_up);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_CALLS_H_
