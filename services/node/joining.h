// Who this node is, before it has opened or asked anything that depends on it.
//
//   data directory | --initial-cluster-state | is
//   ---------------+-------------------------+------------------------------------------------------
//   empty          | new                     | a member of the cluster that the flags found
//   empty          | existing                | the member that the running cluster knows by its
//   URLs holds a member | new                     | that member, if the flags are those that
//   founded it holds a member | existing                | that member
//
// Thread-safety: free functions; asking blocks.
#ifndef SYNOD_SERVICES_NODE_JOINING_H_
#define SYNOD_SERVICES_NODE_JOINING_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/node/options.h"
#include "services/paxos/configuration.h"

namespace synod::node {

// What the members of a running cluster say to a node that knows nothing of it.
struct RunningCluster {
  ClusterId cluster;
  NodeId self;
  uint64_t configuration_version = 0;
  std::map<NodeId, std::string> peers;  // the other members, host:port
};

// Asks the members that --initial-cluster names for the member with this node's URLs; of several
// answers the one that knows the newest configuration counts. Errors say what to do:
// FailedPrecondition when this node is no member yet, or runs another release; Unavailable when
// nobody answers within `patience`.
absl::StatusOr<RunningCluster> AskRunningCluster(const NodeOptions& options,
                                                 absl::Duration patience);

struct WhoIAm {
  ClusterId cluster;
  NodeId self;

  // The configuration that the cluster was founded with, if the flags are those that founded it.
  std::optional<paxos::Configuration> first;

  // When the cluster had to be asked.
  std::optional<RunningCluster> running;
};

// By the table above. Errors are those of AskRunningCluster, and of a data directory that cannot be
// read.
absl::StatusOr<WhoIAm> FindOutWhoIAm(const NodeOptions& options);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_JOINING_H_
