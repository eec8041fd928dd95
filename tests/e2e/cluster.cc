#include "tests/e2e/cluster.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/support/await.h"
#include "tests/support/tcp_ports.h"

namespace synod::e2e {
namespace {

constexpr absl::Duration kStartLimit = absl::Seconds(30);
constexpr absl::Duration kStopLimit = absl::Seconds(30);
constexpr absl::Duration kProbeLimit = absl::Seconds(1);

std::string NameOf(int node) {
  return absl::StrCat("n", node);
}

std::string Url(int port) {
  return absl::StrCat("http://", testing::Loopback(port));
}

// A test that failed leaves its programs' logs where they can be read.
void KeepLogs(const std::string& from) {
  namespace fs = std::filesystem;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr || !test->result()->Failed()) return;
  const fs::path to =
      fs::path(SYNOD_LOG_DIR) / absl::StrCat(test->test_suite_name(), ".", test->name());
  std::error_code error;
  fs::create_directories(to, error);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().extension() != ".log") continue;
    fs::copy_file(entry.path(), to / entry.path().filename(), fs::copy_options::overwrite_existing,
                  error);
  }
  std::cerr << "logs kept in " << to.string() << "\n";
}

}  // namespace

std::string Program(const std::string& name) {
  return absl::StrCat(SYNOD_BIN_DIR "/", name);
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
  SYNOD_CHECK(options_.nodes > 0 && options_.relayed_node <= options_.nodes);
  for (int node = 1; node <= options_.nodes; ++node) {
    const std::vector<int> ports = testing::FreePorts(4);
    const bool relayed = node == options_.relayed_node;
    nodes_.push_back(
        {ports[0], ports[1], ports[2], relayed ? ports[3] : ports[0], false, false, nullptr});
    if (relayed) relay_ = std::make_unique<testing::DelayProxy>(ports[3], ports[0]);
  }
  const std::vector<int> ports = testing::FreePorts(3);
  front_port_ = ports[0];
  admin_port_ = ports[1];
  admin_grpc_port_ = ports[2];
  testing::WriteFile(balancer_config_path(), "{}\n");
  for (int node = 1; node <= options_.nodes; ++node) StartNode(node);
  StartBalancer();
  EXPECT_TRUE(AwaitServing(kStartLimit)) << "the cluster does not serve";
}

Cluster::~Cluster() {
  balancer_.reset();
  StopNodes();
  KeepLogs(directory_.path());
}

std::string Cluster::PathOf(const std::string& name) const {
  return absl::StrCat(directory_.path(), "/", name);
}

std::string Cluster::front_door() const {
  return testing::Loopback(front_port_);
}
std::string Cluster::admin() const {
  return testing::Loopback(admin_port_);
}
std::string Cluster::admin_grpc() const {
  return testing::Loopback(admin_grpc_port_);
}
std::string Cluster::balancer_config_path() const {
  return PathOf("balancer.json");
}

std::string Cluster::data_dir(int node) const {
  return PathOf(NameOf(node));
}

std::string Cluster::node_address(int node) const {
  return testing::Loopback(nodes_.at(node - 1).client_port);
}

std::string Cluster::peer_address(int node) const {
  return testing::Loopback(nodes_.at(node - 1).peer_port);
}

std::string Cluster::metrics_address(int node) const {
  return testing::Loopback(nodes_.at(node - 1).metrics_port);
}

// The founders, for each of them; for one that joins also itself.
std::string Cluster::InitialCluster(int number) const {
  std::vector<std::string> members;
  for (int node = 1; node <= size(); ++node) {
    if (nodes_[node - 1].joins && node != number) continue;
    members.push_back(absl::StrCat(NameOf(node), "=", Url(nodes_[node - 1].peer_port)));
  }
  return absl::StrJoin(members, ",");
}

std::string Cluster::Backends() const {
  std::vector<std::string> backends;
  for (const Node& node : nodes_) backends.push_back(testing::Loopback(node.advertised_port));
  return absl::StrJoin(backends, ",");
}

void Cluster::StartNode(int number) {
  Node& node = nodes_.at(number - 1);
  const std::string name = NameOf(number);
  testing::Command command{
      .argv = {
          Program("synod-node"),
          "--name=" + name,
          "--data-dir=" + data_dir(number),
          "--listen-client-urls=" + Url(node.client_port),
          "--advertise-client-urls=" + Url(node.advertised_port),
          "--listen-peer-urls=" + Url(node.peer_port),
          "--initial-advertise-peer-urls=" + Url(node.peer_port),
          "--listen-metrics-urls=" + Url(node.metrics_port),
          "--initial-cluster=" + InitialCluster(number),
          node.joins ? "--initial-cluster-state=existing" : "--initial-cluster-state=new",
          "--initial-cluster-token=e2e",
      }};
  command.argv.insert(command.argv.end(), options_.node_flags.begin(), options_.node_flags.end());
  node.process = std::make_unique<testing::Process>(command, PathOf(name + ".log"));
}

int Cluster::Grow(absl::Duration limit) {
  const std::vector<int> ports = testing::FreePorts(3);
  etcdserverpb::MemberAddResponse added;
  // Refused while the cluster cannot be sure of its members, as after an election.
  const bool taken = testing::Await(limit, [&] {
    return Client(front_door()).MemberAdd(Url(ports[1]), kProbeLimit, &added).ok();
  });
  if (!taken) return 0;
  nodes_.push_back({ports[0], ports[1], ports[2], ports[0], true, false, nullptr});
  StartNode(size());
  const bool votes = testing::Await(limit, [&] {
    etcdserverpb::MemberListResponse members;
    if (!Client(front_door()).MemberList(kProbeLimit, &members).ok()) return false;
    return std::any_of(members.members().begin(), members.members().end(), [&](const auto& one) {
      return one.id() == added.member().id() && !one.islearner();
    });
  });
  return votes ? size() : 0;
}

bool Cluster::Remove(int node, absl::Duration limit) {
  etcdserverpb::StatusResponse status;
  if (!Client(node_address(node)).MemberStatus(kProbeLimit, &status).ok()) return false;
  nodes_.at(node - 1).removed = true;
  const uint64_t id = status.header().member_id();
  const bool taken = testing::Await(limit, [&] {
    const grpc::Status removed = Client(front_door()).MemberRemove(id, limit);
    return removed.ok() || removed.error_code() == grpc::StatusCode::NOT_FOUND;
  });
  return taken && process(node).WaitForEnd(limit) == 0;
}

std::string Cluster::LogOf(int node) const {
  return testing::ReadFile(PathOf(NameOf(node) + ".log"));
}

void Cluster::KillNode(int node) {
  nodes_.at(node - 1).process->Kill();
}

void Cluster::StopNodes() {
  std::vector<int> running;
  for (int node = 1; node <= size(); ++node) {
    if (process(node).Running()) running.push_back(node);
  }
  for (const int node : running) process(node).Signal(SIGTERM);
  for (const int node : running) {
    EXPECT_EQ(process(node).WaitForEnd(kStopLimit), 0) << NameOf(node) << " told to stop";
  }
}

void Cluster::StartBalancer() {
  testing::Command command{.argv = {
                               Program("synod-balancer"),
                               "--listen=" + front_door(),
                               "--backends=" + Backends(),
                               "--admin-listen=" + admin(),
                               "--admin-grpc-listen=" + admin_grpc(),
                               "--config-file=" + balancer_config_path(),
                           }};
  command.argv.insert(command.argv.end(), options_.balancer_flags.begin(),
                      options_.balancer_flags.end());
  balancer_ = std::make_unique<testing::Process>(command, PathOf("balancer.log"));
}

void Cluster::KillBalancer() {
  balancer_->Kill();
}

int Cluster::Leader() const {
  for (int node = 1; node <= size(); ++node) {
    if (nodes_[node - 1].removed) continue;
    etcdserverpb::StatusResponse status;
    if (!Client(node_address(node)).MemberStatus(kProbeLimit, &status).ok()) continue;
    if (status.leader() != 0 && status.leader() == status.header().member_id()) return node;
  }
  return 0;
}

bool Cluster::AwaitServing(absl::Duration limit) const {
  Client client(front_door());
  return testing::Await(limit, [&] {
    etcdserverpb::RangeResponse response;
    return client.Get("a key", Read::kLinearizable, kProbeLimit, &response).ok();
  });
}

bool Cluster::AwaitEqualRevisions(absl::Duration limit) const {
  return testing::Await(limit, [this] {
    etcdserverpb::RangeResponse newest;
    if (!Client(front_door()).Get("a key", Read::kLinearizable, kProbeLimit, &newest).ok()) {
      return false;
    }
    std::set<int64_t> revisions;
    for (int node = 1; node <= size(); ++node) {
      if (nodes_[node - 1].removed) continue;
      etcdserverpb::RangeResponse own;
      Client client(node_address(node));
      if (!client.Get("a key", Read::kSerializable, kProbeLimit, &own).ok()) return false;
      revisions.insert(own.header().revision());
    }
    return revisions.size() == 1 && *revisions.begin() >= newest.header().revision();
  });
}

}  // namespace synod::e2e
