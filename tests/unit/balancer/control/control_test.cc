// The control plane against nodes in this process: real streams, scripted contents.
#include "balancer/control/control.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/await.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/tcp_ports.h"
#include "tests/unit/balancer/control/fake_node.h"

namespace synod::balancer {
namespace {

using enum BackendState;
using ::synod::testing::Await;
using ::synod::testing::DelayProxy;
using ::synod::testing::FreePorts;
using ::synod::testing::Loopback;
using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(10);

class ControlTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> seeds, ControlOptions options = {}) {
    std::sort(seeds.begin(), seeds.end());
    options.seeds.addresses = std::move(seeds);
    options.tick = absl::Milliseconds(5);
    options.follower.retry_interval = absl::Milliseconds(20);
    options.follower.check_interval = absl::Milliseconds(20);
    control_ = Control::Start(std::move(options), &log_, &clock_);
  }
  void StartOn(const std::vector<std::unique_ptr<FakeNode>>& nodes, ControlOptions options = {}) {
    std::vector<std::string> seeds;
    for (const auto& node : nodes) seeds.push_back(node->address());
    Start(std::move(seeds), std::move(options));
  }

  // The backend of that name or address now; a default one when there is none.
  Backend Now(absl::string_view name) {
    const auto view = control_->view();
    for (const Backend& backend : view->backends) {
      if (backend.name == name || backend.address == name) return backend;
    }
    return {};
  }
  bool Becomes(absl::string_view name, BackendState state) {
    return Await(kLimit, [&] { return !Now(name).name.empty() && Now(name).state == state; });
  }
  std::string Leader() {
    const auto view = control_->view();
    return view->leader ? view->backends[*view->leader].name : "";
  }
  bool LeaderBecomes(absl::string_view name) {
    return Await(kLimit, [&] { return Leader() == name; });
  }

  SystemClock clock_;
  Log log_{LogOptions{.level = LogLevel::kError}, &clock_};
  std::unique_ptr<Control> control_;
};

TEST_F(ControlTest, FindsTheClusterFromOneSeed) {
  const auto nodes = StartFakeCluster(3);
  Start({nodes[1]->address()});
  for (const char* name : {"n1", "n2", "n3"}) EXPECT_TRUE(Becomes(name, kReady)) << name;
  EXPECT_EQ(control_->view()->cluster_id, 0xc1);
  EXPECT_TRUE(control_->AwaitReady(absl::ZeroDuration()));
}

// gRPC asks the environment's proxy even for loopback, unless it is told not to.
TEST_F(ControlTest, ReachesBackendsDirectlyWhateverProxyTheEnvironmentNames) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  const auto nodes = StartFakeCluster(1);
  StartOn(nodes);
  EXPECT_TRUE(Becomes("n1", kReady)) << Now(nodes[0]->address()).reason;
  control_.reset();
  unsetenv("http_proxy");
}

TEST_F(ControlTest, FollowsTheLeaderAndIgnoresStaleBallots) {
  const auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  for (const char* name : {"n1", "n2", "n3"}) ASSERT_TRUE(Becomes(name, kReady)) << name;
  EXPECT_EQ(Leader(), "");
  nodes[0]->SetView(FakeView(nodes, 0, 2, 5));
  EXPECT_TRUE(LeaderBecomes("n2"));
  nodes[2]->SetView(FakeView(nodes, 2, 3, 6));
  EXPECT_TRUE(LeaderBecomes("n3"));
  // An older claim changes nothing; its slot tells when it has been seen.
  auto stale = FakeView(nodes, 1, 1, 4);
  stale.set_applied_slot(777);
  nodes[1]->SetView(stale);
  ASSERT_TRUE(Await(kLimit, [&] { return Now("n2").applied_slot == 777; }));
  EXPECT_EQ(Leader(), "n3");
  EXPECT_EQ(control_->view()->leader_ballot_round, 6);
}

TEST_F(ControlTest, ANodeThatDiesIsLeftAndTakenBackWhenItReturns) {
  auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n3", kReady));
  const auto view = FakeView(nodes, 2, 0, 0);
  const int port = nodes[2]->port();
  nodes[2].reset();
  EXPECT_TRUE(Becomes("n3", kConnecting));
  EXPECT_THAT(Now("n3").reason,
              ::testing::MatchesRegex("cannot be reached: [ -~]+|the connection was closed"));
  EXPECT_EQ(Now("n1").state, kReady);
  nodes[2] = std::make_unique<FakeNode>(FakeNode::Services(), port);
  nodes[2]->SetView(view);
  EXPECT_TRUE(Becomes("n3", kReady));
}

// A server that shuts down cancels its streams; so do we, when we connect anew.
TEST_F(ControlTest, ANodeThatEndsItsStreamsDidNotFallSilent) {
  auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n3", kReady));
  nodes[2]->EndViews(grpc::Status::CANCELLED);
  EXPECT_TRUE(Becomes("n3", kConnecting));
  EXPECT_EQ(Now("n3").reason, "the connection was closed");
}

TEST_F(ControlTest, ANewMemberIsDiscoveredAndALearnerWaits) {
  auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n1", kReady));
  nodes.push_back(std::make_unique<FakeNode>());
  for (const bool learner : {true, false}) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      auto view = FakeView(nodes, i, 0, 0);
      view.set_configuration_version(learner ? 2 : 3);
      view.mutable_members(3)->set_learner(learner);
      nodes[i]->SetView(view);
    }
    const auto role = learner ? BackendRole::kLearner : BackendRole::kVoter;
    EXPECT_TRUE(Becomes("n4", kReady));
    EXPECT_TRUE(Await(kLimit, [&] { return Now("n4").role == role; })) << learner;
  }
}

TEST_F(ControlTest, ANodeOfAnotherClusterIsKeptOut) {
  const auto nodes = StartFakeCluster(3);
  FakeNode other;
  auto view = FakeView(nodes, 0, 1, 99);
  view.set_cluster_id(0xbad);
  other.SetView(view);
  Start({nodes[0]->address(), nodes[1]->address(), nodes[2]->address(), other.address()});
  for (const char* name : {"n2", "n3"}) EXPECT_TRUE(Becomes(name, kReady)) << name;
  EXPECT_TRUE(Await(kLimit, [&] {
    return Now(other.address()).reason.find("belongs to cluster") != std::string::npos;
  }));
  EXPECT_EQ(Now(other.address()).role, BackendRole::kStranger);
  EXPECT_EQ(Leader(), "");
}

TEST_F(ControlTest, HealthIsFollowed) {
  const auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n2", kReady));
  nodes[1]->SetServing(false);
  EXPECT_TRUE(Becomes("n2", kUnhealthy));
  EXPECT_TRUE(Now("n2").last_resort);
  nodes[1]->SetServing(true);
  EXPECT_TRUE(Becomes("n2", kReady));
}

TEST_F(ControlTest, AServerThatIsNoNodeSaysSo) {
  FakeNode plain({.cluster = false});
  Start({plain.address()});
  EXPECT_TRUE(Becomes(plain.address(), kUnhealthy));
  EXPECT_THAT(Now(plain.address()).reason, HasSubstr("--generic"));
}

TEST_F(ControlTest, GenericModeNeedsNoMoreThanAnAnswer) {
  FakeNode healthy({.cluster = false});
  FakeNode without({.cluster = false, .health = false});
  ControlOptions options;
  options.generic = true;
  Start({healthy.address(), without.address()}, std::move(options));
  EXPECT_TRUE(Becomes(healthy.address(), kReady));
  EXPECT_TRUE(Becomes(without.address(), kReady));
  healthy.SetServing(false);
  EXPECT_TRUE(Becomes(healthy.address(), kUnhealthy));
}

TEST_F(ControlTest, GenericModeNoticesThatAServerWithoutHealthIsGone) {
  auto without = std::make_unique<FakeNode>(FakeNode::Services{.cluster = false, .health = false});
  ControlOptions options;
  options.generic = true;
  const std::string address = without->address();
  Start({address}, std::move(options));
  ASSERT_TRUE(Becomes(address, kReady));
  without.reset();
  EXPECT_TRUE(Becomes(address, kConnecting));
}

// A relay whose connections carry nothing any more, though nobody closed them.
TEST_F(ControlTest, ANodeFallenSilentIsConnectedToAnew) {
  const auto nodes = StartFakeCluster(1);
  const int port = FreePorts(1)[0];
  DelayProxy relay(port, nodes[0]->port());
  auto view = FakeView(nodes, 0, 0, 0);
  view.mutable_members(0)->set_client_urls(0, "http://" + Loopback(port));
  nodes[0]->SetView(view);
  ControlOptions options;
  options.follower.silence_limit = absl::Milliseconds(500);
  Start({Loopback(port)}, std::move(options));
  ASSERT_TRUE(Becomes("n1", kReady));
  for (const uint64_t slot : {777, 778}) {
    relay.Freeze();
    view.set_applied_slot(slot);
    nodes[0]->SetView(view);
    EXPECT_TRUE(Await(kLimit, [&] { return Now("n1").applied_slot == slot; })) << slot;
  }
}

TEST_F(ControlTest, AServiceFallenSilentIsNotConnectedUntilItIsConnectedToAnew) {
  FakeNode node({.cluster = false});
  const int port = FreePorts(1)[0];
  DelayProxy relay(port, node.port());
  ControlOptions options;
  options.generic = true;
  options.follower.check_timeout = absl::Milliseconds(200);
  options.follower.silence_limit = absl::Seconds(1);
  Start({Loopback(port)}, std::move(options));
  ASSERT_TRUE(Becomes(Loopback(port), kReady));
  relay.Freeze();
  EXPECT_TRUE(Becomes(Loopback(port), kConnecting));
  EXPECT_TRUE(Becomes(Loopback(port), kReady));
  node.SetServing(false);
  EXPECT_TRUE(Becomes(Loopback(port), kUnhealthy));
}

TEST_F(ControlTest, ChangesArePublishedBeforeTheyReturn) {
  const auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n1", kReady));
  absl::Mutex mutex;
  std::shared_ptr<const View> published;
  control_->PublishTo([&](std::shared_ptr<const View> view) {
    const absl::MutexLock lock(&mutex);
    published = std::move(view);
  });
  const auto last = [&] {
    const absl::MutexLock lock(&mutex);
    return published;
  };
  ASSERT_NE(last(), nullptr);
  EXPECT_TRUE(control_->SetPolicy("random").ok());
  EXPECT_EQ(last()->policy, "random");
  EXPECT_TRUE(control_->SetWeights({{"n1", 7}}).ok());
  EXPECT_EQ(last()->backends.size(), 3);
  EXPECT_EQ(Now("n1").weight, 7);
  EXPECT_TRUE(control_->Drain("n1").ok());
  EXPECT_EQ(Now("n1").state, kDraining);
  EXPECT_TRUE(control_->Undrain(nodes[0]->address()).ok());
  EXPECT_EQ(Now("n1").state, kReady);
}

TEST_F(ControlTest, WhatIsWrongChangesNothing) {
  const auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  ASSERT_TRUE(Becomes("n1", kReady));
  const auto version = control_->view()->version;
  EXPECT_EQ(control_->SetPolicy("fastest").code(), absl::StatusCode::kInvalidArgument);
  const auto weights = control_->SetWeights({{"n9", 1}});
  EXPECT_EQ(weights.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(weights.message()), HasSubstr("n3"));
  EXPECT_EQ(control_->SetWeights({{"n1", 1001}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(control_->Drain("n9").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(control_->settings().policy, "round_robin");
  EXPECT_TRUE(control_->settings().weights.empty());
  // n2 and n3 may still have been on their way; none of the calls above moved routing.
  EXPECT_LE(control_->view()->version, version + 4);
  EXPECT_EQ(control_->view()->policy, "round_robin");
}

TEST_F(ControlTest, AWeightForNobodyIsNoticedOnceTheNamesAreKnown) {
  const auto nodes = StartFakeCluster(3);
  ControlOptions options;
  options.settings.weights = {{"n1", 5}, {"n9", 1}};
  StartOn(nodes, options);
  const auto status = control_->AwaitWeightNames(absl::Seconds(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"n9\""));
  options.settings.weights = {{"n1", 5}, {nodes[1]->address(), 1}};
  StartOn(nodes, options);
  EXPECT_TRUE(control_->AwaitWeightNames(kLimit).ok());
}

TEST_F(ControlTest, AWeightOfAMemberThatLeftBlocksNothingElse) {
  const auto nodes = StartFakeCluster(3);
  Start({nodes[0]->address()});
  for (const char* name : {"n1", "n2", "n3"}) ASSERT_TRUE(Becomes(name, kReady)) << name;
  ASSERT_TRUE(control_->SetWeights({{"n3", 5}}).ok());
  for (size_t i = 0; i < 2; ++i) {
    auto view = FakeView(nodes, i, 0, 0);
    view.set_configuration_version(2);
    view.mutable_members()->RemoveLast();
    nodes[i]->SetView(view);
  }
  ASSERT_TRUE(Await(kLimit, [&] { return control_->view()->backends.size() == 2; }));
  EXPECT_TRUE(control_->SetPolicy("random").ok());
  EXPECT_TRUE(control_->SetWeights({{"n1", 2}, {"n3", 6}}).ok());
  EXPECT_EQ(control_->SetWeights({{"n4", 6}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(control_->SetWeights({{"n1", 2}}).ok());
  EXPECT_EQ(control_->SetWeights({{"n3", 6}}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ControlTest, FailuresEjectAndNeverBelowAQuorum) {
  const auto nodes = StartFakeCluster(3);
  StartOn(nodes);
  for (const char* name : {"n1", "n2", "n3"}) ASSERT_TRUE(Becomes(name, kReady)) << name;
  Now("n1").stats->consecutive_failures = 10;
  Now("n2").stats->consecutive_failures = 9;
  EXPECT_TRUE(Becomes("n1", kEjected));
  EXPECT_EQ(Now("n2").state, kReady);
  EXPECT_EQ(Now("n3").state, kReady);
}

TEST_F(ControlTest, ANameIsResolvedAgainAndAnEmptyAnswerIgnored) {
  const auto nodes = StartFakeCluster(2);
  absl::Mutex mutex;
  std::vector<std::string> answer = {nodes[0]->address()};
  int asked = 0;
  ControlOptions options;
  options.generic = true;
  options.seeds.dns = HostPort{"nodes.example", 2379};
  options.resolve_interval = absl::Milliseconds(5);
  options.resolve = [&](const HostPort&) -> absl::StatusOr<std::vector<std::string>> {
    const absl::MutexLock lock(&mutex);
    ++asked;
    return answer;
  };
  const auto set = [&](std::vector<std::string> addresses) {
    const absl::MutexLock lock(&mutex);
    answer = std::move(addresses);
    asked = 0;
  };
  const auto asked_again = [&] {
    return Await(kLimit, [&] {
      const absl::MutexLock lock(&mutex);
      return asked >= 3;
    });
  };
  Start({}, std::move(options));
  EXPECT_TRUE(Becomes(nodes[0]->address(), kReady));
  set({nodes[1]->address(), nodes[0]->address()});
  EXPECT_TRUE(Becomes(nodes[1]->address(), kReady));
  set({});
  EXPECT_TRUE(asked_again());
  EXPECT_EQ(control_->view()->backends.size(), 2);
  control_.reset();  // Before what the resolver refers to.
}

}  // namespace
}  // namespace synod::balancer
