// Why the node, not the state machine, failed a request.
#ifndef SYNOD_SERVICES_RPC_FAILURE_H_
#define SYNOD_SERVICES_RPC_FAILURE_H_

#include <cstdint>

namespace synod::rpc {

// error_table.h has etcd's words for each. The numbers travel between nodes.
enum class Failure : uint8_t {
  kNone = 0,
  kNoLeader = 1,             // no quorum in sight; nothing was proposed
  kTimeout = 2,              // outcome unknown
  kTimeoutLeaderFailed = 3,  // outcome unknown; the leader it went to has been replaced
  kOverloaded = 4,           // refused at once; nothing was proposed
  kStopped = 5,              // the node is shutting down
  kSuperseded = 6,           // another change of the members came first; nothing was changed
  kTimeoutNotApplied = 7,    // of a read: this node was too late to apply what it must show
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_FAILURE_H_
