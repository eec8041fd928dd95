// A bad setting ends a program with one line that names it, before it has touched anything.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/cluster.h"
#include "tests/support/process.h"
#include "tests/support/tcp_ports.h"
#include "tests/support/temp_dir.h"

namespace synod::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr absl::Duration kLimit = absl::Seconds(15);

struct BadInput {
  std::string program;
  std::vector<std::string> flags;
  std::string named;  // what the error must contain
  std::map<std::string, std::string> environment = {};
};

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// The line with which `program` says why it ends; the log before it is written by another thread.
std::string LastWord(const std::string& program, const testing::Finished& finished) {
  for (const std::string& line : Lines(finished.error)) {
    if (absl::StartsWith(line, program + ": ")) return line;
  }
  return "";
}

// Runs the program, which must fail with one line, and returns that line.
std::string OneLineFailure(const testing::Command& command) {
  const testing::Finished finished = testing::RunToEnd(command, kLimit);
  const std::string shown = absl::StrJoin(command.argv, " ");
  EXPECT_FALSE(finished.timed_out) << shown << " does not end\n" << finished.error;
  EXPECT_NE(finished.exit_code, 0) << shown;
  EXPECT_LT(finished.exit_code, 128) << shown << " was ended by a signal";
  EXPECT_THAT(finished.output, IsEmpty()) << shown;
  const std::vector<std::string> lines = Lines(finished.error);
  EXPECT_THAT(lines, SizeIs(1)) << shown << "\n" << finished.error;
  return lines.empty() ? "" : lines.back();
}

std::vector<BadInput> BadInputs() {
  const std::string node = "synod-node";
  const std::string balancer = "synod-balancer";
  const std::string backends = "--backends=127.0.0.1:1";
  return {
      {node, {"--nmae=n1"}, "--nmae"},
      {node, {"--heartbeat-interval=soon"}, "--heartbeat-interval"},
      {node, {"--heartbeat-interval=0"}, "--heartbeat-interval"},
      {node, {"--election-timeout=100", "--heartbeat-interval=100"}, "--election-timeout"},
      {node, {"--listen-client-urls=127.0.0.1:2379"}, "--listen-client-urls"},
      {node, {"--listen-client-urls=ftp://127.0.0.1:2379"}, "--listen-client-urls"},
      {node, {"--listen-client-urls=http://127.0.0.1:notaport"}, "--listen-client-urls"},
      {node, {"--listen-peer-urls=http://127.0.0.1:70000"}, "--listen-peer-urls"},
      {node, {"--listen-metrics-urls=http://localhost:2380"}, "--listen-peer-urls"},
      {node, {"--name=", "--log-level=info"}, "--name: has no value"},
      {node, {"--initial-cluster=n1"}, "--initial-cluster"},
      {node, {"--name=n9", "--initial-cluster=n1=http://127.0.0.1:1"}, "--initial-cluster"},
      {node, {"--initial-cluster-state=perhaps"}, "--initial-cluster-state"},
      {node, {"--cert-file=server.crt"}, "--cert-file"},
      {node, {"--max-txn-ops=-1"}, "--max-txn-ops"},
      {node, {"--log-level=loud"}, "--log-level"},
      {node, {"--config-file=/nonexistent/node.json"}, "/nonexistent/node.json"},
      {node, {}, "SYNOD_NODE_NMAE", {{"SYNOD_NODE_NMAE", "n1"}}},
      {balancer, {"--polcy=random", backends}, "--polcy"},
      {balancer, {"--policy=fastest", backends}, "round_robin"},
      {balancer, {"--backends="}, "--backends"},
      {balancer, {"--backends=localhost"}, "--backends"},
      {balancer, {"--backends=127.0.0.1:1,127.0.0.1:1"}, "twice"},
      {balancer, {"--listen=here", backends}, "--listen"},
      {balancer, {"--listen=127.0.0.1:1", "--admin-listen=127.0.0.1:1", backends}, "--listen"},
      {balancer, {"--weights=n1", backends}, "--weights"},
      {balancer, {"--weights=n1=heavy", backends}, "--weights"},
      {balancer, {"--write-routing=anywhere", backends}, "leader"},
      {balancer, {"--threads=-1", backends}, "--threads"},
      {balancer, {"--admin-listen=127.0.0.1", backends}, "--admin-listen"},
      {balancer, {"--config-file=/nonexistent/b.json"}, "/nonexistent/b.json"},
      {balancer, {backends}, "SYNOD_BALANCER_POLCY", {{"SYNOD_BALANCER_POLCY", "random"}}},
  };
}

TEST(BadInputTest, EachBadFlagIsNamedInOneLineAndNothingIsTouched) {
  for (const BadInput& bad : BadInputs()) {
    const testing::TempDir directory;
    const std::string data = directory.path() + "/data";
    testing::Command command{.argv = {Program(bad.program)}, .environment = bad.environment};
    if (bad.program == "synod-node") command.argv.push_back("--data-dir=" + data);
    command.argv.insert(command.argv.end(), bad.flags.begin(), bad.flags.end());
    SCOPED_TRACE(absl::StrJoin(command.argv, " "));
    const std::string error = OneLineFailure(command);
    EXPECT_THAT(error, StartsWith(bad.program + ": "));
    EXPECT_THAT(error, HasSubstr(bad.named));
    EXPECT_FALSE(std::filesystem::exists(data));
  }
}

TEST(BadInputTest, UnknownKeyOfTheFileIsNamed) {
  const testing::TempDir directory;
  const std::string path = directory.path() + "/node.json";
  testing::WriteFile(path, "{\n  // comments are fine\n  \"nmae\": \"n1\"\n}\n");
  const std::string data = directory.path() + "/data";
  const std::string error = OneLineFailure(
      {.argv = {Program("synod-node"), "--config-file=" + path, "--data-dir=" + data}});
  EXPECT_THAT(error, HasSubstr("nmae"));
  EXPECT_FALSE(std::filesystem::exists(data));
}

// The nodes say their names; only then is a wrong one known.
TEST(BadInputTest, WeightForAnUnknownNodeEndsTheBalancer) {
  Cluster cluster({});
  const testing::Finished finished = testing::RunToEnd(
      {.argv = {Program("synod-balancer"), "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
                "--admin-grpc-listen=127.0.0.1:0", "--backends=" + cluster.node_address(1),
                "--policy=weighted", "--weights=n1=5,nobody=3"}},
      kLimit);
  EXPECT_FALSE(finished.timed_out);
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_THAT(LastWord("synod-balancer", finished), HasSubstr("nobody"));
}

// A running single node and its flags, to set others beside.
class OneNodeTest : public ::testing::Test {
 protected:
  OneNodeTest() : cluster_({.nodes = 1}), ports_(testing::FreePorts(2)) {}

  // A second node on free ports, but for what `changed` says.
  testing::Command Second(const std::map<std::string, std::string>& changed) const {
    std::map<std::string, std::string> flags = {
        {"--name", "n1"},
        {"--data-dir", directory_.path() + "/data"},
        {"--listen-client-urls", "http://" + testing::Loopback(ports_[0])},
        {"--listen-peer-urls", "http://" + testing::Loopback(ports_[1])},
    };
    for (const auto& [name, value] : changed) flags[name] = value;
    testing::Command command{.argv = {Program("synod-node")}};
    for (const auto& [name, value] : flags) command.argv.push_back(name + "=" + value);
    return command;
  }

  Cluster cluster_;
  const std::vector<int> ports_;
  const testing::TempDir directory_;
};

TEST_F(OneNodeTest, PortInUseIsNamedAndNoDataDirectoryIsMade) {
  const std::string taken = cluster_.node_address(1);
  for (const char* flag : {"--listen-client-urls", "--listen-peer-urls", "--listen-metrics-urls"}) {
    SCOPED_TRACE(flag);
    const testing::Finished finished =
        testing::RunToEnd(Second({{flag, "http://" + taken}}), kLimit);
    EXPECT_FALSE(finished.timed_out);
    EXPECT_NE(finished.exit_code, 0);
    EXPECT_THAT(LastWord("synod-node", finished), HasSubstr(taken));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/data"));
  }
}

TEST_F(OneNodeTest, BalancerPortInUseIsNamed) {
  for (const char* flag : {"--listen", "--admin-listen", "--admin-grpc-listen"}) {
    SCOPED_TRACE(flag);
    std::map<std::string, std::string> flags = {{"--listen", "127.0.0.1:0"},
                                                {"--admin-listen", "127.0.0.1:0"},
                                                {"--admin-grpc-listen", "127.0.0.1:0"},
                                                {"--backends", cluster_.node_address(1)}};
    flags[flag] = cluster_.front_door();
    testing::Command command{.argv = {Program("synod-balancer")}};
    for (const auto& [name, value] : flags) command.argv.push_back(name + "=" + value);
    const testing::Finished finished = testing::RunToEnd(command, kLimit);
    EXPECT_FALSE(finished.timed_out);
    EXPECT_NE(finished.exit_code, 0);
    EXPECT_THAT(LastWord("synod-balancer", finished), HasSubstr(cluster_.front_door()));
  }
}

TEST_F(OneNodeTest, DataDirectoryInUseOrOfAnotherClusterIsRefused) {
  const std::string data = cluster_.data_dir(1);
  const auto in_use = testing::RunToEnd(Second({{"--data-dir", data}}), kLimit);
  EXPECT_NE(in_use.exit_code, 0);
  EXPECT_THAT(LastWord("synod-node", in_use), HasSubstr(data));

  cluster_.KillNode(1);
  const auto before = std::filesystem::last_write_time(data);
  const auto other = testing::RunToEnd(
      Second({{"--data-dir", data}, {"--initial-cluster-token", "another"}}), kLimit);
  EXPECT_FALSE(other.timed_out);
  EXPECT_NE(other.exit_code, 0);
  EXPECT_THAT(LastWord("synod-node", other), HasSubstr("cluster"));
  EXPECT_EQ(std::filesystem::last_write_time(data), before);

  cluster_.StartNode(1);
  EXPECT_TRUE(cluster_.AwaitServing(kLimit)) << "the refusal harmed the directory";
}

}  // namespace
}  // namespace synod::e2e
