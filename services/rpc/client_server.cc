#include "services/rpc/client_server.h"

#include <chrono>
#include <utility>

#include "grpcpp/resource_quota.h"
#include "services/rpc/call.h"
#include "services/rpc/cluster_service.h"
#include "services/rpc/health_service.h"
#include "services/rpc/kv_service.h"
#include "services/rpc/listen.h"
#include "services/rpc/maintenance_service.h"
#include "services/rpc/read_pool.h"
#include "services/rpc/reflection_service.h"
#include "services/rpc/status_feed.h"
#include "services/rpc/unparsable.h"
#include "services/rpc/unserved.h"
#include "services/rpc/view_service.h"

namespace synod::rpc {
namespace {

// A request above the limit gets etcd's words as long as it is above it by no more than this;
// beyond, gRPC refuses it unread (RESOURCE_EXHAUSTED), as in etcd.
constexpr size_t kOversizeBytes = 512 << 10;

// Reads of one kind that wait for a thread.
constexpr size_t kMaxQueuedReads = 16'384;
// Of the whole store, one after the other.
constexpr size_t kMaxQueuedWholeReads = 16;

// What gRPC may hold in messages before it stops reading from connections.
constexpr size_t kMemoryBytes = size_t{1} << 30;

constexpr absl::Duration kHealthInterval = absl::Milliseconds(200);

std::vector<std::string> EtcdServices() {
  return {
      etcdserverpb::KV::service_full_name(),
      etcdserverpb::Cluster::service_full_name(),
      etcdserverpb::Maintenance::service_full_name(),
  };
}

std::vector<std::string> AllServices() {
  std::vector<std::string> services = EtcdServices();
  services.push_back(cluster::v1::Cluster::service_full_name());
  services.push_back(grpc::health::v1::Health::service_full_name());
  services.push_back(grpc::reflection::v1::ServerReflection::service_full_name());
  services.push_back(grpc::reflection::v1alpha::ServerReflection::service_full_name());
  return services;
}

CallEnvironment MakeEnvironment(ClientServerOptions options, Backend* backend,
                                ReadPool* point_reads, ReadPool* range_reads,
                                ReadPool* whole_reads) {
  const NodeStatus status = backend->Status();
  return {backend,        point_reads, range_reads, whole_reads, std::move(options),
          status.cluster, status.self, status.name};
}

void Tune(grpc::ServerBuilder& builder, const ClientServerOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_request_bytes + kOversizeBytes));
  builder.SetMaxSendMessageSize(-1);
  builder.SetResourceQuota(grpc::ResourceQuota("clients").Resize(kMemoryBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(options.max_concurrent_streams));
  // etcd clients ping every 30 s, idle or not, and etcd allows every 5 s; gRPC would throw them out
  // after the second ping within 5 minutes.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.experimental().SetInterceptorCreators(ExplainUnparsable());
}

class GrpcClientServer final : public ClientServer {
 public:
  GrpcClientServer(ClientServerOptions options, Backend* backend)
      : point_reads_(options.read_threads, kMaxQueuedReads),
        range_reads_(options.read_threads, kMaxQueuedReads),
        whole_reads_(1, kMaxQueuedWholeReads),
        environment_(MakeEnvironment(std::move(options), backend, &point_reads_, &range_reads_,
                                     &whole_reads_)),
        feed_(backend),
        health_(EtcdServices()),
        reflection_(AllServices()),
        reflection_alpha_(AllServices()),
        kv_(environment_),
        cluster_(environment_),
        maintenance_(environment_),
        view_(backend, &feed_) {}

  ~GrpcClientServer() override {
    if (server_ != nullptr) Shutdown(absl::ZeroDuration());
  }

  absl::Status Start() {
    grpc::ServerBuilder builder;
    Tune(builder, environment_.options);
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{
             &kv_, &cluster_, &maintenance_, &view_, &health_, &reflection_, &reflection_alpha_}) {
      builder.RegisterService(service);
    }
    builder.RegisterCallbackGenericService(&unserved_);
    absl::StatusOr<ListeningServer> listening = Listen(builder, environment_.options.listen);
    if (!listening.ok()) return listening.status();
    server_ = std::move(listening->server);
    ports_ = std::move(listening->ports);
    health_id_ = feed_.Add(kHealthInterval, [this](const NodeStatus& status) {
      const ClientServerOptions& limits = environment_.options;
      health_.SetServing(status.leader &&
                         status.quorum_contact_age <= limits.quorum_contact_limit &&
                         status.stalled_for <= limits.stall_limit);
    });
    return absl::OkStatus();
  }

  std::vector<uint16_t> ports() const override { return ports_; }

  void Shutdown(absl::Duration grace) override {
    health_.Shutdown();
    view_.Shutdown();
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(grace));
    feed_.Remove(health_id_);
  }

 private:
  // Each may use those before it.
  ReadPool point_reads_;
  ReadPool range_reads_;
  ReadPool whole_reads_;
  const CallEnvironment environment_;
  StatusFeed feed_;
  HealthService health_;
  ReflectionService<ReflectionV1> reflection_;
  ReflectionService<ReflectionV1Alpha> reflection_alpha_;
  KvService kv_;
  ClusterService cluster_;
  MaintenanceService maintenance_;
  ViewService view_;
  Unserved unserved_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<uint16_t> ports_;
  uint64_t health_id_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClientServer>> ClientServer::Start(ClientServerOptions options,
                                                                  Backend* backend) {
  auto server = std::make_unique<GrpcClientServer>(std::move(options), backend);
  if (absl::Status status = server->Start(); !status.ok()) return status;
  return server;
}

}  // namespace synod::rpc
