// What a node is told: its flags, with etcd's names, syntax and defaults wherever the idea is the
// same.
#ifndef SYNOD_SERVICES_NODE_OPTIONS_H_
#define SYNOD_SERVICES_NODE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/url/url.h"

namespace synod::node {

struct NodeOptions {
  std::string name = "default";
  std::string data_dir;

  std::vector<Url> listen_client_urls;
  std::vector<Url> advertise_client_urls;
  Url listen_peer_url;
  std::vector<Url> listen_metrics_urls;  // empty: no HTTP listener

  std::vector<ClusterMember> initial_cluster;  // contains this node
  std::string initial_cluster_token = "etcd-cluster";
  bool join_existing = false;  // --initial-cluster-state=existing

  absl::Duration heartbeat_interval = absl::Milliseconds(100);

  // The longest a follower waits for its leader before it looks for another one. The shortest is
  // two thirds of it.
  absl::Duration election_timeout = absl::Seconds(1);

  // The state engine is flushed at the latest after so many applied slots, so that the log can be
  // cut and a restart has little to replay.
  uint64_t snapshot_count = 100'000;

  // The member raises NOSPACE when its database is as large; zero: no limit. (etcd's default is
  // 2 GiB, for the sake of its engine.)
  uint64_t quota_backend_bytes = 0;

  // ... or when the data directory's file system has less room for it; zero: never. Enough for two
  // segments of the log, a flush of the engine and its compactions, and what comes in between two
  // looks.
  uint64_t disk_reserve_bytes = 512 << 20;

  // A log beyond this is cut to half of it even though an absent member may still need the rest:
  // that one gets a snapshot.
  uint64_t max_log_bytes = 1 << 30;

  // Between two comparisons of the members' data (corruption_watch.h); zero: none. (etcd's default
  // is none. Here a gigabyte costs each member some four seconds of one core.)
  absl::Duration corrupt_check_time = absl::Hours(12);

  int max_txn_ops = 128;
  size_t max_request_bytes = 1'572'864;

  LogOptions log;
};

struct ParsedOptions {
  FlagsOutcome outcome = FlagsOutcome::kRun;
  NodeOptions options;  // complete and consistent unless outcome is kExit
};

// Reads flags, environment (SYNOD_NODE_...) and file. InvalidArgument, in one line that says what
// to do, for anything unknown, malformed or contradictory, and for a flag of etcd's that this
// version does not serve: it is never silently ignored.
absl::StatusOr<ParsedOptions> ParseNodeOptions(
    int argc, const char* const* argv, const std::map<std::string, std::string>& environment);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_OPTIONS_H_
