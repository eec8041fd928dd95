#include "services/node/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synod::node {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<ParsedOptions> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "synod-node");
  return ParseNodeOptions(static_cast<int>(arguments.size()), arguments.data(), {});
}

TEST(NodeOptionsTest, DefaultsAreEtcds) {
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const NodeOptions& options = parsed->options;
  EXPECT_EQ(options.name, "default");
  EXPECT_EQ(options.data_dir, "default.synod");
  EXPECT_EQ(options.listen_client_urls, *ParseUrlList("http://localhost:2379"));
  EXPECT_EQ(options.advertise_client_urls, options.listen_client_urls);
  EXPECT_EQ(options.initial_cluster, *ParseCluster("default=http://localhost:2380"));
  EXPECT_EQ(options.initial_cluster_token, "etcd-cluster");
  EXPECT_EQ(options.heartbeat_interval, absl::Milliseconds(100));
  EXPECT_EQ(options.election_timeout, absl::Seconds(1));
  EXPECT_EQ(options.max_txn_ops, 128);
  EXPECT_EQ(options.max_request_bytes, 1'572'864u);
  EXPECT_TRUE(options.listen_metrics_urls.empty());
  EXPECT_EQ(options.quota_backend_bytes, 0u);
  EXPECT_EQ(options.disk_reserve_bytes, 512u << 20);
  EXPECT_EQ(options.corrupt_check_time, absl::Hours(12));
}

TEST(NodeOptionsTest, TakesEtcdsCommandLine) {
  const auto parsed =
      Parse({"--name=n2", "--data-dir=/tmp/n2", "--listen-client-urls=http://127.0.0.1:22379",
             "--advertise-client-urls", "http://n2:22379", "--listen-peer-urls=http://0.0.0.0:1",
             "--initial-advertise-peer-urls=http://n2:1",
             "--initial-cluster=n1=http://n1:1,n2=http://n2:1,n3=http://n3:1",
             "--initial-cluster-state=existing", "--initial-cluster-token=blue",
             "--listen-metrics-urls=http://127.0.0.1:0", "--heartbeat-interval=50",
             "--election-timeout=500", "--quota-backend-bytes=8589934592", "--disk-reserve-bytes=0",
             "--corrupt-check-time=12h", "--log-format=json", "--log-level=debug"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const NodeOptions& options = parsed->options;
  EXPECT_EQ(options.data_dir, "/tmp/n2");
  EXPECT_EQ(options.advertise_client_urls, *ParseUrlList("http://n2:22379"));
  EXPECT_EQ(options.initial_cluster.size(), 3u);
  EXPECT_TRUE(options.join_existing);
  EXPECT_EQ(options.election_timeout, absl::Milliseconds(500));
  EXPECT_EQ(options.listen_metrics_urls.size(), 1u);
  EXPECT_EQ(options.quota_backend_bytes, 8'589'934'592u);
  EXPECT_EQ(options.disk_reserve_bytes, 0u);
  EXPECT_EQ(options.corrupt_check_time, absl::Hours(12));
  EXPECT_EQ(options.log.format, LogFormat::kJson);
  EXPECT_EQ(options.log.level, LogLevel::kDebug);
}

TEST(NodeOptionsTest, ANegativeQuotaIsNone) {
  EXPECT_EQ(Parse({"--quota-backend-bytes=-1"})->options.quota_backend_bytes, 0u);
}

TEST(NodeOptionsTest, BadInputIsAnErrorThatNamesTheFlag) {
  const struct {
    std::vector<const char*> arguments;
    const char* problem;
  } cases[] = {
      {{"--name", ""}, "--name: must not be empty"},
      {{"--disk-reserve-bytes=-1"}, "--disk-reserve-bytes: must not be negative"},
      {{"--corrupt-check-time=-1s"}, "--corrupt-check-time: \"-1s\" is a negative duration"},
      {{"--listen-client-urls=127.0.0.1:1"}, "--listen-client-urls: \"127.0.0.1:1\" is not a URL"},
      {{"--listen-client-urls=https://a:1"},
       "--listen-client-urls: https://a:1: TLS is not served"},
      {{"--listen-peer-urls=http://a:1,http://b:1"}, "--listen-peer-urls: give exactly one URL"},
      {{"--listen-metrics-urls=x"}, "--listen-metrics-urls: \"x\" is not a URL"},
      {{"--listen-client-urls=http://a:1", "--listen-peer-urls=http://a:1"},
       "--listen-peer-urls: a:1 is taken by --listen-client-urls"},
      {{"--listen-client-urls=http://a:1,http://a:1"}, "a:1 is taken by --listen-client-urls"},
      {{"--listen-metrics-urls=http://0.0.0.0:2380"}, "is taken by --listen-peer-urls"},
      {{"--name=n9", "--initial-cluster=n1=http://a:1"},
       "--initial-cluster: does not name this member, --name=n9"},
      {{"--name=n1", "--initial-cluster=n1=http://a:1", "--initial-advertise-peer-urls=http://b:1"},
       "--initial-cluster: gives n1 the URLs http://a:1, but --initial-advertise-peer-urls is "
       "http://b:1"},
      {{"--name=n1", "--initial-cluster=n1=https://a:1"}, "TLS is not served"},
      {{"--initial-cluster=n1"}, "--initial-cluster: \"n1\" is not a member"},
      {{"--initial-cluster-state=old"}, "--initial-cluster-state: \"old\" is not one of"},
      {{"--heartbeat-interval=0"}, "--heartbeat-interval: must be at least 1ms"},
      {{"--election-timeout=499"}, "--election-timeout: must be at least five times"},
      {{"--election-timeout=51s"}, "--election-timeout: must be at most 50s"},
      {{"--snapshot-count=0"}, "--snapshot-count: must be at least 1"},
      {{"--max-txn-ops=0"}, "--max-txn-ops: must be at least 1"},
      {{"--max-request-bytes=-1"}, "--max-request-bytes: must be from 1 to"},
      {{"--log-level=loud"}, "--log-level: \"loud\" is not one of"},
      {{"--proxy=on"}, "unknown flag --proxy=on"},
  };
  for (const auto& one : cases) {
    const auto parsed = Parse(one.arguments);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << one.problem;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(one.problem));
  }
}

TEST(NodeOptionsTest, FlagsThatAreNotServedAreNeverIgnored) {
  for (const char* flag :
       {"--auto-compaction-mode=periodic", "--auto-compaction-retention=1", "--cert-file=a",
        "--key-file=a", "--client-cert-auth=true", "--trusted-ca-file=a", "--peer-cert-file=a",
        "--peer-key-file=a", "--peer-client-cert-auth=true", "--peer-trusted-ca-file=a",
        "--auth-token=simple"}) {
    const auto parsed = Parse({flag});
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << flag;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("not served by this version"))
        << flag;
  }
}

}  // namespace
}  // namespace synod::node
