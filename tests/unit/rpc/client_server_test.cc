// Everything on the client port but the key-value and the maintenance service.
#include "services/rpc/client_server.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "etcd/cluster.grpc.pb.h"
#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "synod/cluster/v1/cluster.grpc.pb.h"
#include "tests/unit/rpc/served_node.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;
using grpc::StatusCode;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

TEST(ClusterServiceTest, MemberListIsLinearizableWhenAsked) {
  ServedNode served;
  auto cluster = pb::Cluster::NewStub(served.channel);
  const auto list = [&](bool linearizable, pb::MemberListResponse* response) {
    Context context;
    pb::MemberListRequest request;
    request.set_linearizable(linearizable);
    return cluster->MemberList(&context, request, response);
  };
  pb::MemberListResponse response;
  ASSERT_TRUE(list(true, &response).ok());
  ASSERT_EQ(response.members_size(), 2);
  EXPECT_EQ(response.members(0).id(), 0xa1u);
  EXPECT_EQ(response.members(0).name(), "n1");
  EXPECT_EQ(response.members(0).peerurls(0), "http://n1:2380");
  EXPECT_EQ(response.members(0).clienturls(0), "http://n1:2379");
  EXPECT_FALSE(response.members(0).islearner());
  EXPECT_EQ(response.members(1).name(), "");
  EXPECT_TRUE(response.members(1).islearner());
  EXPECT_EQ(response.header().member_id(), 0xa1u);

  served.node.FailWith(Failure::kNoLeader);
  EXPECT_EQ(list(true, &response).error_message(), "etcdserver: no leader");
  EXPECT_TRUE(list(false, &response).ok());
}

class HealthTest : public testing::Test {
 protected:
  // Reads until the wanted status comes; false when the stream ends first.
  static bool ReadUntil(grpc::ClientReader<HealthCheckResponse>& stream,
                        HealthCheckResponse::ServingStatus wanted) {
    HealthCheckResponse response;
    while (stream.Read(&response)) {
      if (response.status() == wanted) return true;
    }
    return false;
  }

  ServedNode served;
  std::unique_ptr<Health::Stub> health = Health::NewStub(served.channel);
};

TEST_F(HealthTest, FollowsTheLeaderTheQuorumAndTheDisk) {
  Context context;
  auto watch = health->Watch(&context, HealthCheckRequest());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  served.node.SetLeader(NodeId());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::NOT_SERVING));
  served.node.SetLeader(NodeId(0xa2));
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  // Nothing tells the node that it hears nobody any more: noticed by asking.
  served.node.SetQuorumContactAge(absl::Seconds(4));
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::NOT_SERVING));
  served.node.SetQuorumContactAge(absl::ZeroDuration());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  // Its disk hangs, or is full: it hears its leader, and answers nothing.
  served.node.SetStalledFor(absl::Seconds(4));
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::NOT_SERVING));
  served.node.SetStalledFor(absl::ZeroDuration());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
}

TEST_F(HealthTest, EveryEtcdServiceHasAStateAndOthersHaveNone) {
  Context watch_context;
  auto watch = health->Watch(&watch_context, HealthCheckRequest());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  for (const char* service :
       {"", "etcdserverpb.KV", "etcdserverpb.Cluster", "etcdserverpb.Maintenance"}) {
    Context context;
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    ASSERT_TRUE(health->Check(&context, request, &response).ok()) << service;
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING) << service;
  }
  HealthCheckRequest unknown;
  unknown.set_service("no.such.Service");
  Context check_context;
  HealthCheckResponse response;
  EXPECT_EQ(health->Check(&check_context, unknown, &response).error_code(), StatusCode::NOT_FOUND);
  Context unknown_context;
  auto unknown_watch = health->Watch(&unknown_context, unknown);
  EXPECT_TRUE(ReadUntil(*unknown_watch, HealthCheckResponse::SERVICE_UNKNOWN));
}

TEST_F(HealthTest, SaysNotServingBeforeTheServerStops) {
  Context context;
  auto watch = health->Watch(&context, HealthCheckRequest());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  std::thread stop([&] { served.server->Shutdown(absl::Seconds(10)); });
  EXPECT_TRUE(ReadUntil(*watch, HealthCheckResponse::NOT_SERVING));
  HealthCheckResponse response;
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_message(), "etcdserver: server stopped");
  stop.join();
}

TEST_F(HealthTest, ShutdownLetsCallsUnderWayFinish) {
  served.node.Stall(true);
  auto kv = pb::KV::NewStub(served.channel);
  grpc::Status put_status;
  std::thread put([&] {
    Context context;
    pb::PutRequest request;
    request.set_key("a");
    pb::PutResponse response;
    put_status = kv->Put(&context, request, &response);
  });
  ASSERT_TRUE(served.node.AwaitStalled(1));
  Context context;
  auto watch = health->Watch(&context, HealthCheckRequest());
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::SERVING));
  std::thread stop([&] { served.server->Shutdown(absl::Seconds(20)); });
  ASSERT_TRUE(ReadUntil(*watch, HealthCheckResponse::NOT_SERVING));
  served.node.Stall(false);
  put.join();
  stop.join();
  EXPECT_TRUE(put_status.ok()) << put_status.error_message();
}

class ViewTest : public testing::Test {
 protected:
  std::unique_ptr<grpc::ClientReader<cluster::v1::View>> Watch(Context& context,
                                                               uint32_t interval_ms) {
    cluster::v1::WatchViewRequest request;
    request.set_interval_ms(interval_ms);
    return stub->WatchView(&context, request);
  }

  ServedNode served;
  std::unique_ptr<cluster::v1::Cluster::Stub> stub = cluster::v1::Cluster::NewStub(served.channel);
};

TEST_F(ViewTest, SendsTheViewNowAtChangesAndAtIntervals) {
  served.node.Apply(kv::PutRequest{.key = "a"});
  Context context;
  auto views = Watch(context, 3'600'000);
  cluster::v1::View view;
  ASSERT_TRUE(views->Read(&view));
  EXPECT_EQ(view.cluster_id(), 0xc1u);
  EXPECT_EQ(view.member_id(), 0xa1u);
  EXPECT_EQ(view.name(), "n1");
  ASSERT_EQ(view.members_size(), 2);
  EXPECT_EQ(view.members(0).client_urls(0), "http://n1:2379");
  EXPECT_TRUE(view.members(1).learner());
  EXPECT_EQ(view.leader_id(), 0xa1u);
  EXPECT_EQ(view.leader_ballot().round(), 7u);
  EXPECT_EQ(view.leader_ballot().node(), 0xa1u);
  EXPECT_TRUE(view.leading());
  EXPECT_EQ(view.chosen_slot(), 2u);
  EXPECT_EQ(view.applied_slot(), 1u);
  EXPECT_EQ(view.revision(), 2);
  EXPECT_EQ(view.load().requests_in_flight(), 5u);

  served.node.SetLeader(NodeId(0xa2));
  ASSERT_TRUE(views->Read(&view));
  EXPECT_EQ(view.leader_id(), 0xa2u);
  EXPECT_FALSE(view.leading());

  // Without any change, because the interval (raised to 20 ms) passes.
  Context often_context;
  auto often = Watch(often_context, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(often->Read(&view));
}

// Not of the wall clock, which may be set back.
TEST_F(ViewTest, IntervalsAreOfTheNodesClock) {
  Context context;
  auto views = Watch(context, 3'600'000);
  cluster::v1::View view;
  ASSERT_TRUE(views->Read(&view));
  served.node.Advance(absl::Hours(1));
  ASSERT_TRUE(views->Read(&view));
}

TEST_F(ViewTest, ASlowReaderGetsTheNewestViewOnly) {
  // Views of about 1 MB, so that the connection's buffers hold few.
  const std::string name(1 << 20, 'n');
  Context context;
  auto views = Watch(context, 3'600'000);
  constexpr uint64_t kChanges = 200;
  for (uint64_t i = 0; i < kChanges; ++i) {
    served.node.SetMembers({{NodeId(0xa1), name, {}, {}, false}});
  }
  cluster::v1::View view;
  uint64_t reads = 0;
  do {
    ASSERT_TRUE(views->Read(&view));
    ++reads;
  } while (view.configuration_version() < 3 + kChanges);
  EXPECT_LT(reads, kChanges / 2);
}

TEST_F(ViewTest, EndsWithTheServerAndRefusesTooManyStreams) {
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<cluster::v1::View>>> streams;
  cluster::v1::View view;
  for (int i = 0; i < 256; ++i) {
    contexts.push_back(std::make_unique<Context>());
    streams.push_back(Watch(*contexts.back(), 3'600'000));
    ASSERT_TRUE(streams.back()->Read(&view));
  }
  Context context;
  auto refused = Watch(context, 0);
  EXPECT_FALSE(refused->Read(&view));
  EXPECT_EQ(refused->Finish().error_code(), StatusCode::RESOURCE_EXHAUSTED);

  served.server->Shutdown(absl::Seconds(20));
  EXPECT_FALSE(streams[7]->Read(&view));
  EXPECT_EQ(streams[7]->Finish().error_message(), "etcdserver: server stopped");
}

template <class Api>
class ReflectionTest : public testing::Test {};

struct V1 {
  using Service = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};
using Versions = testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Versions);

TYPED_TEST(ReflectionTest, ListsAndDescribes) {
  using Request = typename TypeParam::Request;
  ServedNode served;
  Context context;
  auto stream = TypeParam::Service::NewStub(served.channel)->ServerReflectionInfo(&context);
  const auto ask = [&](auto&& set) {
    Request request;
    set(request);
    typename TypeParam::Response response;
    EXPECT_TRUE(stream->Write(request));
    EXPECT_TRUE(stream->Read(&response));
    return response;
  };

  std::set<std::string> services;
  const auto listed = ask([](Request& r) { r.set_list_services(""); });
  for (const auto& one : listed.list_services_response().service()) services.insert(one.name());
  const std::set<std::string> expected = {"etcdserverpb.KV",
                                          "etcdserverpb.Cluster",
                                          "etcdserverpb.Maintenance",
                                          "synod.cluster.v1.Cluster",
                                          "grpc.health.v1.Health",
                                          "grpc.reflection.v1.ServerReflection",
                                          "grpc.reflection.v1alpha.ServerReflection"};
  EXPECT_EQ(services, expected);

  // Every listed service can be described, with all it needs or has sent before.
  std::set<std::string> files;
  std::set<std::string> imports;
  for (const std::string& service : services) {
    const auto response = ask([&](Request& r) { r.set_file_containing_symbol(service); });
    EXPECT_GT(response.file_descriptor_response().file_descriptor_proto_size(), 0) << service;
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      files.insert(file.name());
      imports.insert(file.dependency().begin(), file.dependency().end());
    }
  }
  EXPECT_TRUE(files.count("etcd/kv.proto"));
  for (const std::string& import : imports) EXPECT_TRUE(files.count(import)) << import;

  // A repeated question gets its file again; a method is a symbol too.
  const auto again = ask([](Request& r) { r.set_file_containing_symbol("etcdserverpb.KV.Put"); });
  EXPECT_EQ(again.file_descriptor_response().file_descriptor_proto_size(), 1);
  const auto by_name = ask([](Request& r) { r.set_file_by_filename("etcd/kv.proto"); });
  EXPECT_EQ(by_name.file_descriptor_response().file_descriptor_proto(0),
            again.file_descriptor_response().file_descriptor_proto(0));
  EXPECT_TRUE(by_name.has_original_request());

  EXPECT_EQ(ask([](Request& r) { r.set_file_containing_symbol("no.such"); })
                .error_response()
                .error_code(),
            StatusCode::NOT_FOUND);
  EXPECT_EQ(ask([](Request&) {}).error_response().error_code(), StatusCode::INVALID_ARGUMENT);
  const auto extensions =
      ask([](Request& r) { r.set_all_extension_numbers_of_type("etcdserverpb.PutRequest"); });
  EXPECT_EQ(extensions.all_extension_numbers_response().base_type_name(),
            "etcdserverpb.PutRequest");
  EXPECT_EQ(extensions.all_extension_numbers_response().extension_number_size(), 0);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ClientServerTest, APortInUseIsAnErrorThatNamesTheAddress) {
  ServedNode served;
  ClientServerOptions options;
  options.listen = {"127.0.0.1:0", served.address()};
  TestNode node;
  const auto second = ClientServer::Start(options, &node);
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(second.status().message(), served.address())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), "in use")) << second.status();

  options.listen = {"no.such.host.invalid:1"};
  EXPECT_EQ(ClientServer::Start(options, &node).status().code(),
            absl::StatusCode::kFailedPrecondition);
  options.listen = {};
  EXPECT_FALSE(ClientServer::Start(options, &node).ok());
}

TEST(ClientServerTest, ServesOnEveryAddress) {
  TestNode node;
  ClientServerOptions options;
  options.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  auto server = ClientServer::Start(options, &node);
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_EQ((*server)->ports().size(), 2u);
  for (const uint16_t port : (*server)->ports()) {
    auto maintenance = pb::Maintenance::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
    Context context;
    pb::StatusResponse response;
    EXPECT_TRUE(maintenance->Status(&context, pb::StatusRequest(), &response).ok());
  }
}

}  // namespace
}  // namespace synod::rpc
