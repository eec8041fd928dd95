#include "services/rpc/maintenance_service.h"

#include "services/rpc/error_table.h"

namespace synod::rpc {
namespace {

class StatusCall final : public Call {
 public:
  StatusCall(const CallEnvironment& environment, grpc::CallbackServerContext* context)
      : Call(environment, Method::kStatus, context) {}

  // Answered from what this member knows, leader or not; hence no Admit.
  void Begin(etcdserverpb::StatusResponse& response) {
    const NodeStatus status = backend().Status();
    response.set_version(kEtcdVersion);
    response.set_storageversion(kEtcdVersion);
    response.set_dbsize(static_cast<int64_t>(status.db_size_bytes));
    response.set_dbsizeinuse(static_cast<int64_t>(status.db_size_in_use_bytes));
    response.set_leader(status.leader.value());
    response.set_raftindex(status.chosen.value());
    response.set_raftterm(status.ballot_round);
    response.set_raftappliedindex(status.applied.value());
    if (!status.leader) {
      response.add_errors(ToStatus(EtcdError::kNoLeader).error_message());
    }
    for (const Member& member : status.members) {
      if (member.id == status.self) response.set_islearner(member.learner);
    }
    const kv::Revision revision = backend().View()->revision();
    FillHeader(revision, response.mutable_header());
    Complete(revision);
  }
};

class AlarmCall final : public Call {
 public:
  AlarmCall(const CallEnvironment& environment, grpc::CallbackServerContext* context)
      : Call(environment, Method::kAlarm, context) {}

  void Begin(const etcdserverpb::AlarmRequest& request, etcdserverpb::AlarmResponse& response) {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    if (request.action() != etcdserverpb::AlarmRequest::GET) {
      return Fail({grpc::StatusCode::UNIMPLEMENTED,
                   "etcdserver: raising and clearing alarms is not implemented"});
    }
    const kv::Revision revision = backend().View()->revision();
    FillHeader(revision, response.mutable_header());
    Complete(revision);
  }
};

}  // namespace

grpc::ServerUnaryReactor* MaintenanceService::Status(grpc::CallbackServerContext* context,
                                                     const etcdserverpb::StatusRequest*,
                                                     etcdserverpb::StatusResponse* response) {
  auto* call = new StatusCall(environment_, context);
  call->Begin(*response);
  return call;
}

grpc::ServerUnaryReactor* MaintenanceService::Alarm(grpc::CallbackServerContext* context,
                                                    const etcdserverpb::AlarmRequest* request,
                                                    etcdserverpb::AlarmResponse* response) {
  auto* call = new AlarmCall(environment_, context);
  call->Begin(*request, *response);
  return call;
}

}  // namespace synod::rpc
