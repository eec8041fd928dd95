// The real synod-balancer in front of gRPC servers in this process: what each policy does with
// calls, what a change at run time does to them, and what bad input gets.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/support/await.h"
#include "tests/support/http_get.h"
#include "tests/support/process.h"
#include "tests/support/tcp_ports.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/balancer/control/fake_node.h"

namespace synod::balancer {
namespace {

using ::synod::testing::Await;
using ::synod::testing::FreePorts;
using ::synod::testing::HttpGet;
using ::synod::testing::Loopback;
using ::synod::testing::Process;
using ::synod::testing::RunToEnd;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLimit = absl::Seconds(20);

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() : ports_(FreePorts(3)) {
    for (int i = 0; i < 3; ++i) {
      nodes_.push_back(std::make_unique<FakeNode>(FakeNode::Services{.cluster = false}));
    }
  }

  void Start(std::vector<std::string> flags) {
    std::vector<std::string> argv = {SYNOD_BALANCER_PROGRAM,
                                     "--listen=" + Loopback(ports_[0]),
                                     "--admin-listen=" + Loopback(ports_[1]),
                                     "--admin-grpc-listen=" + Loopback(ports_[2]),
                                     "--generic",
                                     "--threads=1",
                                     "--backends=" + Backends()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    process_ = std::make_unique<Process>(synod::testing::Command{argv, {}, {}}, log_path());
    ASSERT_TRUE(Await(kLimit, [this] {
      const auto state = State();
      return state.is_object() && std::all_of(state["backends"].begin(), state["backends"].end(),
                                              [](const auto& b) { return b["state"] == "ready"; });
    })) << synod::testing::ReadFile(log_path());
    channel_ = grpc::CreateChannel(Loopback(ports_[0]), grpc::InsecureChannelCredentials());
    stub_ = grpc::health::v1::Health::NewStub(channel_);
  }

  std::string Backends() const {
    std::string list;
    for (const auto& node : nodes_)
      absl::StrAppend(&list, list.empty() ? "" : ",", node->address());
    return list;
  }
  std::string log_path() const { return directory_.path() + "/log"; }

  nlohmann::json State() const {
    return nlohmann::json::parse(HttpGet(Loopback(ports_[1]), "/state").body, nullptr, false);
  }
  // Calls that backend `i` got so far.
  double Calls(size_t i) const {
    const auto state = State();
    for (const auto& backend : state["backends"]) {
      if (backend["address"] == nodes_[i]->address()) return backend["calls_total"];
    }
    return -1;
  }
  std::vector<double> SharesOf(int calls) {
    std::vector<double> shares;
    for (size_t i = 0; i < nodes_.size(); ++i) shares.push_back(-Calls(i));
    for (int i = 0; i < calls; ++i) EXPECT_TRUE(CallOnce().ok());
    for (size_t i = 0; i < nodes_.size(); ++i) shares[i] = (shares[i] + Calls(i)) / calls;
    return shares;
  }
  grpc::Status CallOnce() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::health::v1::HealthCheckResponse response;
    return stub_->Check(&context, {}, &response);
  }

  const std::vector<int> ports_;
  const synod::testing::TempDir directory_;
  std::vector<std::unique_ptr<FakeNode>> nodes_;
  std::unique_ptr<Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

TEST_F(ProgramTest, RoundRobinIsEqual) {
  Start({"--policy=round_robin"});
  for (const double share : SharesOf(3000)) EXPECT_NEAR(share, 1 / 3., 0.005);
}

TEST_F(ProgramTest, RandomIsEqualWithinItsBound) {
  Start({"--policy=random"});
  // Four standard deviations at 3,000 calls.
  for (const double share : SharesOf(3000)) EXPECT_NEAR(share, 1 / 3., 0.035);
}

TEST_F(ProgramTest, WeightedFollowsStaticWeights) {
  Start(
      {"--policy=weighted", absl::StrCat("--weights=", nodes_[0]->address(), "=5,",
                                         nodes_[1]->address(), "=3,", nodes_[2]->address(), "=1")});
  const auto shares = SharesOf(2700);
  EXPECT_NEAR(shares[0], 5 / 9., 0.01);
  EXPECT_NEAR(shares[1], 3 / 9., 0.01);
  EXPECT_NEAR(shares[2], 1 / 9., 0.01);
}

// Among equals `performance` prefers whoever was faster by microseconds, so shares say little; but
// nobody is left unmeasured.
TEST_F(ProgramTest, PerformanceMeasuresEveryBackend) {
  Start({"--policy=performance"});
  for (const double share : SharesOf(1000)) EXPECT_GT(share, 0);
}

TEST_F(ProgramTest, LeastRequestSpreadsIdleBackendsEvenly) {
  Start({"--policy=least_request"});
  for (const double share : SharesOf(1000)) EXPECT_NEAR(share, 1 / 3., 0.1);
}

TEST_F(ProgramTest, ReloadSwitchesThePolicyWithoutLosingACall) {
  const std::string file = directory_.path() + "/balancer.json";
  synod::testing::WriteFile(file, R"({"policy": "round_robin"})");
  Start({"--config-file=" + file});
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::thread caller([&] {
    while (!stop) failed += !CallOnce().ok();
  });
  for (int round = 0; round < 10; ++round) {
    for (const char* policy : {"random", "performance", "weighted", "round_robin"}) {
      synod::testing::WriteFile(file, absl::StrCat("{\"policy\": \"", policy, "\"}"));
      process_->Signal(SIGHUP);
      EXPECT_TRUE(Await(kLimit, [&] { return State()["policy"] == policy; })) << policy;
    }
  }
  synod::testing::WriteFile(file, R"({"policy": "fastest"})");
  process_->Signal(SIGHUP);
  EXPECT_TRUE(Await(kLimit, [&] {
    return synod::testing::ReadFile(log_path()).find("the old ones stay") != std::string::npos;
  }));
  EXPECT_EQ(State()["policy"], "round_robin");
  stop = true;
  caller.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(ProgramTest, ReloadSaysWhatNeedsARestart) {
  const std::string file = directory_.path() + "/balancer.json";
  synod::testing::WriteFile(file, R"({"policy": "random", "log-level": "info"})");
  Start({"--config-file=" + file});
  synod::testing::WriteFile(
      file, R"({"policy": "weighted", "log-level": "info", "drain-timeout": "1s"})");
  process_->Signal(SIGHUP);
  EXPECT_TRUE(Await(kLimit, [&] { return State()["policy"] == "weighted"; }));
  const std::string log = synod::testing::ReadFile(log_path());
  EXPECT_THAT(log, HasSubstr("at the next start only key=drain-timeout"));
  EXPECT_THAT(log, Not(HasSubstr("key=log-level")));
}

TEST_F(ProgramTest, ReloadLeavesWhatAFlagGave) {
  const std::string file = directory_.path() + "/balancer.json";
  synod::testing::WriteFile(file, R"({"policy": "weighted", "write-routing": "leader"})");
  Start({"--config-file=" + file, "--policy=random", "--drain-timeout=2s"});
  synod::testing::WriteFile(
      file, R"({"policy": "weighted", "write-routing": "policy", "drain-timeout": "1s"})");
  process_->Signal(SIGHUP);
  EXPECT_TRUE(Await(kLimit, [&] { return State()["write_routing"] == "policy"; }));
  EXPECT_EQ(State()["policy"], "random");
  const std::string log = synod::testing::ReadFile(log_path());
  EXPECT_THAT(log, HasSubstr("key of the file ignored"));
  EXPECT_THAT(log, Not(HasSubstr("at the next start only"))) << "nor then, with that flag";
}

TEST_F(ProgramTest, TerminationDrainsAndExitsWithZero) {
  Start({});
  EXPECT_EQ(State()["backends"][0]["role"], "") << "a generic backend votes on nothing";
  ASSERT_TRUE(CallOnce().ok());
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForEnd(kLimit), 0);
}

TEST_F(ProgramTest, TerminationEndsAStartThatWaitsForNodes) {
  process_ = std::make_unique<Process>(
      synod::testing::Command{
          {SYNOD_BALANCER_PROGRAM, "--listen=" + Loopback(ports_[0]),
           "--admin-listen=" + Loopback(ports_[1]), "--admin-grpc-listen=" + Loopback(ports_[2]),
           "--backends=127.0.0.1:1", "--weights=n7=5"},
          {},
          {}},
      log_path());
  const auto log = [this] { return synod::testing::ReadFile(log_path()); };
  ASSERT_TRUE(Await(kLimit, [&] { return log().find("backend state") != std::string::npos; }));
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForEnd(kLimit), 0);
  EXPECT_THAT(log(), Not(HasSubstr("serving")));
}

TEST_F(ProgramTest, ASecondTerminationExitsNow) {
  Start({"--drain-timeout=60s"});
  // A stream that never ends keeps the drain waiting.
  grpc::ClientContext context;
  const auto stream = stub_->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  process_->Signal(SIGTERM);
  ASSERT_TRUE(Await(kLimit, [&] {
    return synod::testing::ReadFile(log_path()).find("draining") != std::string::npos;
  }));
  EXPECT_TRUE(process_->Running());
  process_->Signal(SIGTERM);
  const auto code = process_->WaitForEnd(kLimit);
  ASSERT_TRUE(code);
  EXPECT_NE(*code, 0);
  context.TryCancel();
}

TEST_F(ProgramTest, BadInputEndsWithOneLineAndAStatus) {
  struct Case {
    std::vector<std::string> flags;
    const char* text;
  };
  const std::string taken = nodes_[0]->address();
  const std::vector<Case> cases = {
      {{}, "--backends is needed"},
      {{"--backends=nowhere"}, "\"nowhere\""},
      {{"--backends=http://127.0.0.1:1"}, "is a URL; write host:port"},
      {{"--backends=a:1", "--policy=fastest"}, "least_request"},
      {{"--backends=a:1", "--listen=here"}, "--listen"},
      {{"--backends=a:1", "--weights=a"}, "--weights"},
      {{"--backends=a:1", "--generic", "--weights=b:1=2"}, "unknown backend \"b:1\""},
      {{"--backends=a:1", "--threads=-1"}, "--threads"},
      {{"--backends=a:1", "--fast"}, "unknown flag --fast"},
      {{"--backends=" + taken, "--generic", "--listen=" + taken}, taken.c_str()},
      {{"--backends=" + taken, "--generic", "--listen=127.0.0.1:0", "--admin-listen=" + taken},
       "Address already in use; stop what uses it"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> argv = {SYNOD_BALANCER_PROGRAM, "--log-level=error"};
    argv.insert(argv.end(), c.flags.begin(), c.flags.end());
    const auto finished = RunToEnd({argv, {}, {}}, kLimit);
    EXPECT_EQ(finished.exit_code, 1) << c.text;
    EXPECT_THAT(finished.error, HasSubstr(c.text));
    EXPECT_EQ(std::count(finished.error.begin(), finished.error.end(), '\n'), 1) << finished.error;
  }
}

TEST_F(ProgramTest, CheckConfigValidatesAndStartsNothing) {
  const auto finished =
      RunToEnd({{SYNOD_BALANCER_PROGRAM, "--backends=a:1", "--check-config"}, {}, {}}, kLimit);
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.output, HasSubstr("valid"));
}

}  // namespace
}  // namespace synod::balancer
