// The same etcdctl commands, one after the other, against Debian's etcd and against the front door:
// what etcdctl prints and returns must be the same; and what synodctl does, with the same words.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/support/await.h"
#include "tests/support/process.h"
#include "tests/support/tcp_ports.h"
#include "tests/support/temp_dir.h"

namespace synod::e2e {
namespace {

using nlohmann::json;

const char kBringer[] = " is missing: deploy/packages.sh test brings Debian's";

struct Step {
  std::vector<std::string> arguments;
  std::string input;
};

// Revisions are compared too, so the order matters: each step sees what those before it left.
std::vector<Step> Steps() {
  return {
      {{"get", "missing"}, ""},
      {{"put", "a", "1"}, ""},
      {{"get", "a"}, ""},
      {{"get", "a", "-w", "json"}, ""},
      {{"get", "a", "-w", "fields"}, ""},
      {{"put", "a", "2", "--prev-kv"}, ""},
      {{"put", "a", "--ignore-value"}, ""},
      {{"put", "absent", "--ignore-value"}, ""},
      {{"put", "absent", "x", "--ignore-lease"}, ""},
      {{"put", "a", "x", "--lease=1234"}, ""},
      {{"put", "", "value of an empty key"}, ""},
      {{"put", "empty", ""}, ""},
      {{"put", "b", "from standard input"}, ""},
      {{"put", "piped"}, "a value from standard input"},
      {{"put", "dir/1", "z"}, ""},
      {{"put", "dir/2", "y"}, ""},
      {{"put", "dir/3", "x"}, ""},
      {{"put", "dir/2", "w"}, ""},
      {{"get", "dir/", "--prefix"}, ""},
      {{"get", "dir/", "--prefix", "--keys-only"}, ""},
      {{"get", "dir/", "--prefix", "--print-value-only"}, ""},
      {{"get", "dir/", "--prefix", "--limit=2", "-w", "json"}, ""},
      {{"get", "dir/", "--prefix", "--order=DESCEND"}, ""},
      {{"get", "dir/", "--prefix", "--sort-by=VALUE"}, ""},
      {{"get", "dir/", "--prefix", "--sort-by=VERSION", "--order=DESCEND"}, ""},
      {{"get", "dir/", "--prefix", "--sort-by=CREATE"}, ""},
      {{"get", "dir/", "--prefix", "--sort-by=MODIFY", "--limit=1", "-w", "json"}, ""},
      {{"get", "dir/1", "dir/3"}, ""},
      {{"get", "dir/2", "--from-key"}, ""},
      {{"get", "", "--from-key", "--keys-only"}, ""},
      {{"get", "a", "--rev=2"}, ""},
      {{"get", "dir/2", "--rev=1"}, ""},
      {{"compaction", "4"}, ""},
      {{"compaction", "4"}, ""},
      {{"compaction", "100000"}, ""},
      {{"compaction", "5", "--physical"}, ""},
      {{"get", "a", "--rev=3"}, ""},
      {{"get", "a", "--rev=100000"}, ""},
      {{"get", "a", "--consistency=s"}, ""},
      {{"get", "dir/", "--prefix", "--write-out=json", "--consistency=s"}, ""},
      {{"txn"}, "value(\"a\") = \"2\"\n\nput a 3\nget a\n\nget b\n\n"},
      {{"txn"}, "value(\"a\") = \"nothing\"\n\nput a 4\n\nget a\nput b 5\ndel dir/1\n\n"},
      {{"txn"}, "mod(\"a\") > \"0\"\nver(\"missing\") = \"0\"\n\nput c 1\n\n\n"},
      {{"txn"}, "create(\"c\") = \"0\"\n\n\nget c\n\n"},
      {{"txn"}, "c(\"c\") < \"3\"\n\nget c\n\ndel c\n\n"},
      {{"txn"}, "\nput same 1\nput same 2\n\n\n"},
      {{"txn"}, "\nput p 1\ndel p\n\n\n"},
      {{"txn"}, "\nput dir/9 1\ndel dir/ dir0\n\n\n"},
      {{"txn", "-w", "json"}, "ver(\"a\") != \"1\"\n\nput t 1\nget a\ndel t2\n\n\n"},
      {{"del", "missing"}, ""},
      {{"del", "a", "--prev-kv"}, ""},
      {{"get", "a"}, ""},
      {{"put", "a", "again"}, ""},
      {{"get", "a", "-w", "json"}, ""},
      {{"del", "dir/", "--prefix", "--prev-kv"}, ""},
      {{"del", "dir/", "--prefix"}, ""},
      {{"del", "b", "d"}, ""},
      {{"get", "", "--prefix", "-w", "json"}, ""},
      {{"del", "", "--from-key"}, ""},
      {{"get", "", "--prefix", "-w", "json"}, ""},
  };
}

// What each kind of alarm forbids, and how it ends.
std::vector<Step> StepsUnderAlarm() {
  return {
      {{"alarm", "list"}, ""},
      {{"put", "a", "2"}, ""},
      {{"txn"}, "\nput a 3\n\n\n"},
      {{"txn"}, "value(\"a\") = \"nothing\"\n\nput a 4\n\nget a\n\n"},
      {{"txn"}, "\nget a\n\n\n"},
      {{"txn"}, "\ndel b\n\n\n"},
      {{"get", "a", "-w", "json"}, ""},
      {{"get", "a", "--consistency=s"}, ""},
      {{"del", "c"}, ""},
      {{"compaction", "3"}, ""},
      {{"compaction", "100000"}, ""},
      {{"alarm", "disarm"}, ""},
      {{"alarm", "disarm"}, ""},
      {{"alarm", "list"}, ""},
      {{"put", "a", "5"}, ""},
      {{"get", "", "--prefix", "-w", "json"}, ""},
  };
}

// What may differ between two clusters: who they are, and in etcdctl's error log the connection.
std::string Comparable(std::string text) {
  static const std::regex identity(
      R"re(("?)(cluster_id|member_id|raft_term|ClusterID|MemberID|RaftTerm)\1 ?: ?\d+)re");
  static const std::regex log_line(R"re(\{"level".*\n)re");
  return std::regex_replace(std::regex_replace(text, identity, "$2"), log_line, "");
}

testing::Finished RunStep(const std::string& program, const std::string& endpoint,
                          const Step& step) {
  testing::Command command{.argv = {program},
                           .environment = {{"ETCDCTL_API", "3"},
                                           {"ETCDCTL_ENDPOINTS", endpoint},
                                           {"SYNODCTL_ENDPOINTS", endpoint}},
                           .input = step.input};
  command.argv.insert(command.argv.end(), step.arguments.begin(), step.arguments.end());
  testing::Finished finished = testing::RunToEnd(command, absl::Seconds(20));
  finished.output = Comparable(finished.output);
  finished.error = Comparable(finished.error);
  return finished;
}

std::string RunEtcdctl(const std::string& endpoint, const Step& step) {
  const testing::Finished finished = RunStep(testing::FindProgram("etcdctl"), endpoint, step);
  return absl::StrCat("exit ", finished.exit_code, "\n", finished.output, finished.error);
}

std::string RunSynodctl(const std::string& endpoint, const std::vector<std::string>& arguments) {
  const testing::Finished finished = RunStep(Program("synodctl"), endpoint, {arguments, ""});
  return absl::StrCat("exit ", finished.exit_code, "\n", finished.output, finished.error);
}

// Of the first line "127.0.0.1:1, 1234" of `endpoint hashkv`.
std::string FirstHash(const std::string& hashes) {
  static const std::regex line(R"re(, (\d+)\n)re");
  std::smatch match;
  return std::regex_search(hashes, match, line) ? match.str(1) : "no hash";
}

// What the endpoint's status says is wrong.
std::string StatusErrors(const std::string& endpoint) {
  static const std::regex errors(R"re("errors":\[[^\]]*\])re");
  const std::string status = RunEtcdctl(endpoint, {{"endpoint", "status", "-w", "json"}, ""});
  std::smatch match;
  return std::regex_search(status, match, errors) ? match.str() : "";
}

// A single real etcd.
class Etcd {
 public:
  Etcd() {
    const std::vector<int> ports = testing::FreePorts(2);
    address_ = testing::Loopback(ports[0]);
    const std::string client = "http://" + address_;
    const std::string peer = "http://" + testing::Loopback(ports[1]);
    process_ = std::make_unique<testing::Process>(
        testing::Command{
            .argv = {testing::FindProgram("etcd"), "--name=e",
                     "--data-dir=" + directory_.path() + "/data", "--listen-client-urls=" + client,
                     "--advertise-client-urls=" + client, "--listen-peer-urls=" + peer,
                     "--initial-advertise-peer-urls=" + peer, "--initial-cluster=e=" + peer}},
        directory_.path() + "/log");
  }

  bool AwaitServing() const {
    Client client(address_);
    return testing::Await(absl::Seconds(30), [&] {
      etcdserverpb::RangeResponse response;
      return client.Get("a key", Read::kLinearizable, absl::Seconds(1), &response).ok();
    });
  }

  const std::string& address() const { return address_; }

 private:
  testing::TempDir directory_;
  std::string address_;
  std::unique_ptr<testing::Process> process_;
};

class EtcdctlComparedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"etcd", "etcdctl"}) {
      ASSERT_NE(testing::FindProgram(program), "") << program << kBringer;
    }
    etcd_.emplace();
    cluster_.emplace(ClusterOptions());
    ASSERT_TRUE(etcd_->AwaitServing());
  }

  void Compare(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      const std::string theirs = RunEtcdctl(etcd_->address(), step);
      EXPECT_EQ(RunEtcdctl(cluster_->front_door(), step), theirs)
          << "etcdctl " << absl::StrJoin(step.arguments, " ") << "\n"
          << step.input;
    }
  }

  std::optional<Etcd> etcd_;
  std::optional<Cluster> cluster_;
};

TEST_F(EtcdctlComparedTest, AnswersAreThoseOfEtcd) {
  Compare(Steps());
}

TEST_F(EtcdctlComparedTest, SynodctlPrintsWhatEtcdctlDoes) {
  for (const Step& step : Steps()) {
    if (!step.arguments.empty() && step.arguments.back() == "fields") continue;  // etcdctl's alone
    const testing::Finished theirs =
        RunStep(testing::FindProgram("etcdctl"), etcd_->address(), step);
    const testing::Finished ours = RunStep(Program("synodctl"), cluster_->front_door(), step);
    SCOPED_TRACE(absl::StrCat("synodctl ", absl::StrJoin(step.arguments, " "), "\n", step.input));
    EXPECT_EQ(ours.exit_code, theirs.exit_code);
    EXPECT_EQ(ours.output, theirs.output);
    EXPECT_EQ(ours.error, theirs.error);
  }
}

TEST_F(EtcdctlComparedTest, AlarmsAreThoseOfEtcd) {
  Compare({{{"put", "a", "1"}, ""}, {{"put", "b", "1"}, ""}, {{"put", "c", "1"}, ""}});
  constexpr uint64_t kMember = 4711;
  for (const auto alarm : {etcdserverpb::NOSPACE, etcdserverpb::CORRUPT}) {
    for (const std::string& endpoint : {etcd_->address(), cluster_->front_door()}) {
      etcdserverpb::AlarmResponse response;
      const grpc::Status raised = Client(endpoint).Alarm(
          etcdserverpb::AlarmRequest::ACTIVATE, kMember, alarm, absl::Seconds(10), &response);
      ASSERT_TRUE(raised.ok()) << raised.error_message();
    }
    EXPECT_EQ(StatusErrors(cluster_->front_door()), StatusErrors(etcd_->address()));
    EXPECT_NE(StatusErrors(etcd_->address()), "");
    Compare(StepsUnderAlarm());
  }
}

TEST(SynodctlTest, SeesAndEndsAlarms) {
  Cluster cluster({});
  const std::string endpoint = cluster.front_door();
  EXPECT_EQ(RunSynodctl(endpoint, {"alarm", "list"}), "exit 0\n");
  etcdserverpb::AlarmResponse response;
  ASSERT_TRUE(Client(endpoint)
                  .Alarm(etcdserverpb::AlarmRequest::ACTIVATE, 0x12, etcdserverpb::NOSPACE,
                         absl::Seconds(10), &response)
                  .ok());
  EXPECT_EQ(RunSynodctl(endpoint, {"alarm", "list"}), "exit 0\nmemberID:18 alarm:NOSPACE \n");
  EXPECT_EQ(RunSynodctl(endpoint, {"put", "a", "1"}),
            "exit 1\nError: etcdserver: mvcc: database space exceeded\n");
  const std::string diagnosis = RunSynodctl(endpoint, {"doctor"});
  EXPECT_NE(diagnosis.find("member 12 raised the alarm NOSPACE"), std::string::npos) << diagnosis;
  EXPECT_EQ(
      RunSynodctl(cluster.node_address(2), {"defrag"}),
      absl::StrCat("exit 0\nFinished defragmenting etcd member[", cluster.node_address(2), "]\n"));
  EXPECT_EQ(RunSynodctl(endpoint, {"alarm", "disarm"}), "exit 0\nmemberID:18 alarm:NOSPACE \n");
  EXPECT_EQ(RunSynodctl(endpoint, {"put", "a", "1"}), "exit 0\nOK\n");
}

TEST(EtcdctlTest, MembersAndEndpointsAnswerSensibly) {
  ASSERT_NE(testing::FindProgram("etcdctl"), "") << "etcdctl" << kBringer;
  Cluster cluster({});
  const std::string members = RunEtcdctl(cluster.front_door(), {{"member", "list"}, ""});
  std::vector<std::string> addresses;
  for (int node = 1; node <= cluster.size(); ++node) {
    addresses.push_back(cluster.node_address(node));
    EXPECT_NE(members.find(absl::StrCat("started, n", node, ", http://")), std::string::npos)
        << members;
    EXPECT_NE(members.find(cluster.node_address(node)), std::string::npos) << members;
  }
  const std::string every = absl::StrJoin(addresses, ",");
  const std::string status =
      testing::RunToEnd({.argv = {testing::FindProgram("etcdctl"), "--endpoints=" + every,
                                  "endpoint", "status", "-w", "json"},
                         .environment = {{"ETCDCTL_API", "3"}}},
                        absl::Seconds(20))
          .output;
  ASSERT_TRUE(Client(cluster.front_door()).Put("k", "v", absl::Seconds(10)).ok());
  ASSERT_TRUE(cluster.AwaitEqualRevisions(absl::Seconds(20)));
  const std::string hashes = RunEtcdctl(every, {{"endpoint", "hashkv"}, ""});
  const std::string health = RunEtcdctl(every, {{"endpoint", "health"}, ""});
  // Every member under an id of its own, and one of them the leader in the eyes of all.
  const json endpoints = json::parse(status, nullptr, false);
  ASSERT_TRUE(endpoints.is_array()) << status;
  std::set<std::string> asked;
  std::set<uint64_t> members_told;
  std::set<uint64_t> leaders;
  for (const json& endpoint : endpoints) {
    asked.insert(endpoint["Endpoint"].get<std::string>());
    members_told.insert(endpoint["Status"]["header"]["member_id"].get<uint64_t>());
    leaders.insert(endpoint["Status"]["leader"].get<uint64_t>());
  }
  EXPECT_EQ(asked, std::set<std::string>(addresses.begin(), addresses.end())) << status;
  EXPECT_EQ(members_told.size(), addresses.size()) << status;
  EXPECT_EQ(leaders.size(), 1) << status;
  EXPECT_EQ(members_told.count(*leaders.begin()), 1) << status;
  for (const std::string& address : addresses) {
    EXPECT_NE(hashes.find(address + ", " + FirstHash(hashes) + "\n"), std::string::npos) << hashes;
    EXPECT_NE(health.find(address + " is healthy"), std::string::npos) << health;
  }
}

}  // namespace
}  // namespace synod::e2e
