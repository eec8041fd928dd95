// Who this node is, before it has opened or asked anything that depends on it.
//
//   data directory  state     is
//   empty           new       a member of the cluster that the flags found
//   empty           existing  the member that the running cluster knows by its URLs
//   a member's      new       that member, if the flags are those that founded it
//   a member's      existing  that member
//
// where "state" is --initial-cluster-state.
//
// Thread-safety: free functions; asking blocks.
#ifndef SYNOD_SERVICES_NODE_JOINING_H_
#define SYNOD_SERVICES_NODE_JOINING_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/ids.h"
#include "services/node/options.h"
#include "services/paxos/configuration.h"
#include "services/rpc/peer_transport.h"

namespace synod::node {

// What the members of a running cluster say to a node that knows nothing of it.
struct RunningCluster {
  ClusterId cluster;
  NodeId self;
  uint64_t configuration_version = 0;
  std::map<NodeId, std::string> peers;  // the other members, host:port
};

// How members are asked.
struct Asking {
  // Asks the one at host:port who has these peer URLs; as rpc::AskWhoIAm.
  std::function<absl::StatusOr<rpc::JoinAnswer>(const std::string& address,
                                                const std::vector<std::string>& peer_urls)>
      ask;
  // Called when nobody answered: pauses. False when that was the last time.
  std::function<bool()> pause;
  // True once this node has been told to stop.
  std::function<bool()> stopped;
};

// Members that start at the same time need a moment before they answer: for 20 s from now on. The
// clock outlives it.
Asking AskOverNetwork(const Clock* clock, std::function<bool()> stopped);

// Asks the members that --initial-cluster names for the member with this node's URLs; of several
// answers the one that knows the newest configuration counts. Errors say what to do:
// FailedPrecondition when this node is no member yet, or runs another release; Unavailable when
// nobody answers as long as there are pauses; Cancelled when it was told to stop.
absl::StatusOr<RunningCluster> AskRunningCluster(const NodeOptions& options, const Asking& asking);

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
absl::StatusOr<WhoIAm> FindOutWhoIAm(const NodeOptions& options, const Asking& asking);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_JOINING_H_
