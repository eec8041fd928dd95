// What the balancer was told about its backends, as plain values: the input of ClusterMap and
// BuildView. Numbers and names are those of synod.cluster.v1; addresses are host:port.
#ifndef SYNOD_BALANCER_CONTROL_FACTS_H_
#define SYNOD_BALANCER_CONTROL_FACTS_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace synod::balancer {

struct Member {
  uint64_t id = 0;
  std::string name;
  std::vector<std::string> client_addresses;
  bool learner = false;
};

struct LeaderBallot {
  uint64_t round = 0;
  uint64_t node = 0;
  friend auto operator<=>(const LeaderBallot&, const LeaderBallot&) = default;
};

// One message of a node's view stream.
struct NodeView {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  std::string name;
  std::vector<Member> members;
  uint64_t configuration_version = 0;
  uint64_t leader_id = 0;  // 0: the node knows none
  LeaderBallot leader_ballot;
  uint64_t applied_slot = 0;
  absl::Duration quorum_contact_age;
  double cpu_utilization = -1;  // negative: unknown
  double requests_per_second = 0;
  double errors_per_second = 0;
};

enum class Health : uint8_t { kUnknown, kServing, kNotServing };

// About one address, as of now.
struct BackendFacts {
  bool connected = false;
  std::string problem;  // why it is not connected
  Health health = Health::kUnknown;
  bool speaks_cluster = true;    // false: WatchView is UNIMPLEMENTED there
  std::optional<NodeView> view;  // the last one, kept after the connection is lost
  absl::Duration heard_at;       // monotonic time of `view`
};

using FactsByAddress = std::map<std::string, BackendFacts>;

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_FACTS_H_
