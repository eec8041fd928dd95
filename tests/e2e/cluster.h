// A real cluster for a test: synod-node processes, and synod-balancer in front, on free ports of
// loopback with their data in a temporary directory.
//
// Not thread-safe, but for the addresses. Everything ends with the object, the nodes in order. Logs
// of a failed test are kept under build/<preset>/e2e-logs/<name of the test>.
#ifndef SYNOD_TESTS_E2E_CLUSTER_H_
#define SYNOD_TESTS_E2E_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace synod::e2e {

struct ClusterOptions {
  int nodes = 3;
  // On top of the addresses.
  std::vector<std::string> node_flags = {};
  std::vector<std::string> balancer_flags = {};
  // The node (1, 2, ...) whose client address is a relay that can be slowed; 0 for none.
  int relayed_node = 0;
};

class Cluster {
 public:
  // Starts every process and returns when a linearizable read passes the front door, or when that
  // has not come true for 30 seconds: the test fails then.
  explicit Cluster(ClusterOptions options);
  ~Cluster();

  // Nodes are numbered from 1.
  int size() const { return static_cast<int>(nodes_.size()); }
  std::string front_door() const;
  std::string admin() const;
  std::string admin_grpc() const;
  std::string node_address(int node) const;
  std::string peer_address(int node) const;
  std::string metrics_address(int node) const;
  std::string balancer_config_path() const;
  std::string data_dir(int node) const;

  // Adds a member, starts it, and returns its number when it has its vote; 0 when it gets none
  // within `limit`.
  int Grow(absl::Duration limit);
  // Removes a member; true when its process has ended by itself, with success.
  bool Remove(int node, absl::Duration limit);
  // What the node's process wrote.
  std::string LogOf(int node) const;
  testing::Process& process(int node) { return *nodes_.at(node - 1).process; }

  void StartNode(int node);
  void KillNode(int node);
  // Tells all that run to stop (SIGTERM); the test fails unless each ends with success.
  void StopNodes();
  void StartBalancer();
  void KillBalancer();
  testing::Process& balancer() { return *balancer_; }
  testing::DelayProxy& relay() { return *relay_; }

  // The node that says of itself that it leads, 0 when none does.
  int Leader() const;
  // False after `limit` without success.
  bool AwaitServing(absl::Duration limit) const;
  // Until every node shows the same revision, which is no less than what the front door shows.
  bool AwaitEqualRevisions(absl::Duration limit) const;

 private:
  struct Node {
    int client_port = 0;
    int peer_port = 0;
    int metrics_port = 0;
    // What others are told: the relay's port for the relayed node.
    int advertised_port = 0;
    bool joins = false;  // a running cluster
    bool removed = false;
    std::unique_ptr<testing::Process> process;
  };

  std::string PathOf(const std::string& name) const;
  std::string InitialCluster(int number) const;
  std::string Backends() const;

  const ClusterOptions options_;
  testing::TempDir directory_;
  std::vector<Node> nodes_;
  int front_port_ = 0;
  int admin_port_ = 0;
  int admin_grpc_port_ = 0;
  std::unique_ptr<testing::DelayProxy> relay_;
  std::unique_ptr<testing::Process> balancer_;
};

// Full path of one of our programs.
std::string Program(const std::string& name);

}  // namespace synod::e2e

#endif  // SYNOD_TESTS_E2E_CLUSTER_H_
