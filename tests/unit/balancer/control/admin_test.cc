// The admin listeners over a real control plane: gRPC, /state, /metrics, probes.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "balancer/control/admin_server.h"
#include "balancer/control/status_pages.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "synod/balancer/v1/admin.grpc.pb.h"
#include "tests/support/await.h"
#include "tests/support/http_get.h"
#include "tests/unit/balancer/control/fake_node.h"

namespace synod::balancer {
namespace {

using ::synod::testing::Await;
using ::synod::testing::HttpGet;
using ::testing::HasSubstr;

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() : nodes_(StartFakeCluster(3)) {
    nodes_[0]->SetView(FakeView(nodes_, 0, 2, 5));
    ControlOptions options;
    for (const auto& node : nodes_) options.seeds.addresses.push_back(node->address());
    std::sort(options.seeds.addresses.begin(), options.seeds.addresses.end());
    control_ = Control::Start(std::move(options), &log_, &clock_);
    auto admin = AdminServer::Start({"127.0.0.1", 0}, control_.get(), &log_, &clock_);
    EXPECT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
    const StateSource source{[this] { return control_->view(); },
                             [] {
                               return ProxyCounters{.connections_refused_total = 3,
                                                    .calls_total = 42,
                                                    .retries_total = 7};
                             }};
    auto http = HttpServer::Start({"127.0.0.1", 0},
                                  StatusPages(
                                      source, [this] { return draining_.load(); }, &clock_));
    EXPECT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", admin_->port()),
                                   grpc::InsecureChannelCredentials());
    stub_ = v1::Admin::NewStub(channel_);
    EXPECT_TRUE(Await(absl::Seconds(10), [this] {
      const auto view = control_->view();
      return view->leader && std::all_of(view->backends.begin(), view->backends.end(),
                                         [](auto& b) { return b.state == BackendState::kReady; });
    }));
  }

  synod::testing::HttpAnswer Get(const std::string& path) {
    return HttpGet(absl::StrCat("127.0.0.1:", http_->port()), path);
  }

  SystemClock clock_;
  Log log_{LogOptions{.level = LogLevel::kError}, &clock_};
  std::vector<std::unique_ptr<FakeNode>> nodes_;
  std::atomic<bool> draining_{false};
  std::unique_ptr<Control> control_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<HttpServer> http_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

TEST_F(AdminTest, TellsTheStateAndChangesIt) {
  v1::State state;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub_->GetState(&context, {}, &state).ok());
    EXPECT_EQ(state.policy(), "round_robin");
    EXPECT_EQ(state.leader(), "n2");
    EXPECT_EQ(state.leader_ballot_round(), 5);
    ASSERT_EQ(state.backends_size(), 3);
    EXPECT_EQ(state.backends(0).state(), "ready");
  }
  {
    grpc::ClientContext context;
    v1::SetPolicyRequest request;
    request.set_policy("weighted");
    ASSERT_TRUE(stub_->SetPolicy(&context, request, &state).ok());
    EXPECT_EQ(state.policy(), "weighted");
  }
  {
    grpc::ClientContext context;
    v1::SetWeightsRequest request;
    (*request.mutable_weights())["n1"] = 5;
    (*request.mutable_weights())["n2"] = 0;
    ASSERT_TRUE(stub_->SetWeights(&context, request, &state).ok());
    for (const v1::Backend& backend : state.backends()) {
      EXPECT_EQ(backend.has_weight(), backend.name() != "n3") << backend.name();
      EXPECT_EQ(backend.weight(), backend.name() == "n1" ? 5 : 0);
    }
  }
  v1::DrainRequest request;
  request.set_backend("n3");
  for (const char* expected : {"draining", "ready"}) {
    grpc::ClientContext context;
    const bool drain = absl::string_view(expected) == "draining";
    ASSERT_TRUE((drain ? stub_->Drain(&context, request, &state)
                       : stub_->Undrain(&context, request, &state))
                    .ok());
    for (const v1::Backend& backend : state.backends()) {
      if (backend.name() != "n3") continue;
      EXPECT_EQ(backend.state(), expected);
    }
  }
}

TEST_F(AdminTest, NamesNoLeaderThatNoNodeNames) {
  const std::string metric =
      absl::StrCat("backend_leader{backend=\"n2\",address=\"", nodes_[1]->address(), "\"} ");
  EXPECT_THAT(Get("/metrics").body, HasSubstr(metric + "1"));
  nodes_[0]->SetView(FakeView(nodes_, 0, 0, 5));
  ASSERT_TRUE(Await(absl::Seconds(10), [this] { return !control_->view()->leader_confirmed; }));
  grpc::ClientContext context;
  v1::State state;
  ASSERT_TRUE(stub_->GetState(&context, {}, &state).ok());
  EXPECT_EQ(state.leader(), "");
  for (const v1::Backend& backend : state.backends()) EXPECT_FALSE(backend.leader());
  const auto json = nlohmann::json::parse(Get("/state").body);
  EXPECT_EQ(json["leader"], "");
  for (const auto& backend : json["backends"]) EXPECT_EQ(backend["leader"], false);
  EXPECT_THAT(Get("/metrics").body, HasSubstr(metric + "0"));
}

TEST_F(AdminTest, RefusesWhatDoesNotExistByName) {
  v1::State state;
  v1::SetPolicyRequest policy;
  policy.set_policy("fastest");
  grpc::ClientContext first;
  const auto refused = stub_->SetPolicy(&first, policy, &state);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("least_request"));
  v1::DrainRequest drain;
  drain.set_backend("n9");
  grpc::ClientContext second;
  EXPECT_EQ(stub_->Drain(&second, drain, &state).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, HealthFollowsTheDrain) {
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::health::v1::HealthCheckResponse response;
  for (const bool serving : {true, false}) {
    admin_->SetServing(serving);
    grpc::ClientContext context;
    ASSERT_TRUE(health->Check(&context, {}, &response).ok());
    EXPECT_EQ(response.status() == grpc::health::v1::HealthCheckResponse::SERVING, serving);
  }
}

// Raw bytes, because a second copy of reflection's message types cannot be linked in.
TEST_F(AdminTest, ReflectionAndChannelzListTheServices) {
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  ASSERT_TRUE(next());
  const grpc::Slice list_services(std::string("\x3a\x00", 2));
  call->Write(grpc::ByteBuffer(&list_services, 1), nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  ASSERT_TRUE(next());
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(answer.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  EXPECT_THAT(text, HasSubstr("synod.balancer.v1.Admin"));
  EXPECT_THAT(text, HasSubstr("grpc.channelz.v1.Channelz"));
  grpc::Status status;
  context.TryCancel();
  call->Finish(&status, nullptr);
  next();
  queue.Shutdown();
}

TEST_F(AdminTest, APortInUseIsNamed) {
  const auto second =
      AdminServer::Start({"127.0.0.1", admin_->port()}, control_.get(), &log_, &clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(absl::StrCat("127.0.0.1:", admin_->port())));
}

TEST_F(AdminTest, StateIsJsonOfAFixedShape) {
  const auto answer = Get("/state");
  ASSERT_EQ(answer.status, 200);
  const auto state = nlohmann::json::parse(answer.body);
  for (const char* key : {"version", "policy", "policies", "write_routing", "generic", "cluster_id",
                          "leader", "leader_ballot_round", "minimum_in_use", "proxy", "backends"}) {
    EXPECT_TRUE(state.contains(key)) << key;
  }
  EXPECT_EQ(state["cluster_id"], "00000000000000c1");
  EXPECT_EQ(state["proxy"]["calls_total"], 42);
  EXPECT_EQ(state["proxy"]["retries_total"], 7);
  EXPECT_EQ(state["proxy"]["connections_refused_total"], 3);
  ASSERT_EQ(state["backends"].size(), 3);
  for (const auto& backend : state["backends"]) {
    for (const char* key : {"name", "address", "role", "state", "reason", "leader", "weight",
                            "calls_in_flight", "calls_total", "failures_total", "read_latency_us",
                            "write_latency_us", "applied_slot", "quorum_contact_age_ms"}) {
      EXPECT_TRUE(backend.contains(key)) << key;
    }
    EXPECT_EQ(backend["leader"], backend["name"] == "n2");
    EXPECT_TRUE(backend["weight"].is_null());
  }
}

// Estimates decay while nothing is measured, and "0.00 ms" is nobody's latency.
TEST(StateTest, AnIdleBackendHasNoLatency) {
  constexpr absl::Duration kThen = absl::Seconds(100);
  View view;
  view.backends.emplace_back().stats = std::make_shared<BackendStats>();
  const auto latency = [&](absl::Duration now) {
    v1::State state;
    FillState(view, now, &state);
    const auto json = nlohmann::json::parse(StateJson(view, {}, now))["backends"][0];
    EXPECT_EQ(json["read_latency_us"].is_null(), state.backends(0).read_latency_us() == 0);
    return state.backends(0).read_latency_us();
  };
  EXPECT_EQ(latency(kThen), 0) << "before the first";
  view.backends[0].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(1), kThen);
  EXPECT_NEAR(latency(kThen), 1000, 1);
  EXPECT_GT(latency(kThen + absl::Seconds(4)), 0);
  EXPECT_EQ(latency(kThen + absl::Seconds(6)), 0);
}

TEST_F(AdminTest, MetricsHealthAndReadiness) {
  EXPECT_THAT(Get("/metrics").body, HasSubstr("synod_balancer_backend_ready{backend=\"n1\""));
  EXPECT_THAT(Get("/metrics").body, HasSubstr("synod_balancer_calls_total 42"));
  EXPECT_THAT(Get("/metrics").body, HasSubstr("synod_balancer_retries_total 7"));
  EXPECT_THAT(Get("/metrics").body, HasSubstr("synod_balancer_connections_refused_total 3"));
  EXPECT_THAT(Get("/").body, HasSubstr("<title>Synod balancer</title>"));
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 200);
  for (const char* name : {"n1", "n2", "n3"}) ASSERT_TRUE(control_->Drain(name).ok());
  const auto refused = Get("/readyz");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("n1 draining: drained by the administrator"));
  ASSERT_TRUE(control_->Undrain("n1").ok());
  EXPECT_EQ(Get("/readyz").body, "ok: 1 backend ready\n");
  draining_ = true;
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/healthz").status, 200);
}

}  // namespace
}  // namespace synod::balancer
