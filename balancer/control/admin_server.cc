#include "balancer/control/admin_server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <string>

#include "balancer/control/state.h"
#include "common/url/cannot_listen.h"
#include "synod/balancer/v1/admin.grpc.pb.h"

namespace synod::balancer {
namespace {

namespace proto = synod::balancer::v1;

grpc::Status ToGrpc(const absl::Status& status) {
  // The codes have the same numbers by definition.
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

// The synchronous API: rare calls, some of which wait for the control loop.
class AdminService final : public proto::Admin::Service {
 public:
  AdminService(Control* control, Log* log, const Clock* clock)
      : control_(control), log_(log), clock_(clock) {}

  grpc::Status GetState(grpc::ServerContext*, const proto::GetStateRequest*,
                        proto::State* state) override {
    return Answer(absl::OkStatus(), state);
  }

  grpc::Status SetPolicy(grpc::ServerContext*, const proto::SetPolicyRequest* request,
                         proto::State* state) override {
    log_->Info("admin: set policy").With("policy", request->policy());
    return Answer(control_->SetPolicy(request->policy()), state);
  }

  grpc::Status SetWeights(grpc::ServerContext*, const proto::SetWeightsRequest* request,
                          proto::State* state) override {
    log_->Info("admin: set weights").With("count", request->weights_size());
    return Answer(control_->SetWeights({request->weights().begin(), request->weights().end()}),
                  state);
  }

  grpc::Status Drain(grpc::ServerContext*, const proto::DrainRequest* request,
                     proto::State* state) override {
    log_->Info("admin: drain").With("backend", request->backend());
    return Answer(control_->Drain(request->backend()), state);
  }

  grpc::Status Undrain(grpc::ServerContext*, const proto::DrainRequest* request,
                       proto::State* state) override {
    log_->Info("admin: undrain").With("backend", request->backend());
    return Answer(control_->Undrain(request->backend()), state);
  }

 private:
  grpc::Status Answer(const absl::Status& status, proto::State* state) {
    if (!status.ok()) return ToGrpc(status);
    FillState(*control_->view(), clock_->Monotonic(), state);
    return grpc::Status::OK;
  }

  Control* const control_;
  Log* const log_;
  const Clock* const clock_;
};

class GrpcAdminServer final : public AdminServer {
 public:
  GrpcAdminServer(Control* control, Log* log, const Clock* clock) : service_(control, log, clock) {}
  ~GrpcAdminServer() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Bind(const HostPort& listen) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
    grpc::ServerBuilder builder;
    // Two balancers on one port would share its calls by chance; the second must fail instead.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(listen.ToString(), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return absl::OkStatus();
    // gRPC says only that it failed.
    return CannotListen(listen.ToString(), "it is in use, or not an address of this machine");
  }

  uint16_t port() const override { return static_cast<uint16_t>(port_); }

  void SetServing(bool serving) override {
    server_->GetHealthCheckService()->SetServingStatus(serving);
  }

 private:
  AdminService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const HostPort& listen,
                                                                Control* control, Log* log,
                                                                const Clock* clock) {
  auto server = std::make_unique<GrpcAdminServer>(control, log, clock);
  if (auto status = server->Bind(listen); !status.ok()) return status;
  return server;
}

}  // namespace synod::balancer
