#include "services/rpc/maintenance_service.h"

#include <atomic>
#include <memory>
#include <variant>

#include "absl/strings/str_cat.h"
#include "services/rpc/error_table.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;

void Write(const kv::Alarm& alarm, pb::AlarmMember& out) {
  out.set_memberid(alarm.member.value());
  out.set_alarm(static_cast<pb::AlarmType>(alarm.type));  // the numbers are etcd's
}

// As etcd prints an alarm, the space at the end included.
std::string Text(const kv::Alarm& alarm) {
  return absl::StrCat("memberID:", alarm.member.value(),
                      " alarm:", pb::AlarmType_Name(static_cast<pb::AlarmType>(alarm.type)), " ");
}

class StatusCall final : public Call {
 public:
  StatusCall(const CallEnvironment& environment, grpc::CallbackServerContext* context)
      : Call(environment, Method::kStatus, context) {}

  // Answered from what this member knows, leader or not; hence no Admit.
  void Begin(pb::StatusResponse& response) {
    const NodeStatus status = backend().Status();
    response.set_version(kEtcdVersion);
    response.set_storageversion(kEtcdVersion);
    response.set_dbsize(static_cast<int64_t>(status.db_size_bytes));
    response.set_dbsizeinuse(static_cast<int64_t>(status.db_size_in_use_bytes));
    response.set_dbsizequota(static_cast<int64_t>(status.db_size_quota_bytes));
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
    const std::shared_ptr<const kv::ReadView> view = backend().View();
    for (const kv::Alarm& alarm : view->Alarms(kv::AlarmType::kNone).response.alarms) {
      response.add_errors(Text(alarm));
    }
    FillHeader(view->revision(), response.mutable_header());
    Complete(view->revision());
  }
};

class AlarmCall final : public Call {
 public:
  AlarmCall(const CallEnvironment& environment, grpc::CallbackServerContext* context,
            const pb::AlarmRequest* request, pb::AlarmResponse* response)
      : Call(environment, Method::kAlarm, context), request_(*request), response_(*response) {}

  void Begin() {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    if (!pb::AlarmRequest::AlarmAction_IsValid(request_.action()) ||
        !pb::AlarmType_IsValid(request_.alarm())) {
      return Fail({grpc::StatusCode::INVALID_ARGUMENT,
                   "etcdserver: the action or the kind of the alarm is unknown"});
    }
    // etcd sends even this through its log.
    if (request_.action() == pb::AlarmRequest::GET) return BeginRead(/*linearizable=*/true);
    kv::AlarmRequest change;
    change.action = request_.action() == pb::AlarmRequest::ACTIVATE ? kv::AlarmAction::kActivate
                                                                    : kv::AlarmAction::kDeactivate;
    change.alarm = {NodeId(request_.memberid()), type()};
    Propose(change);
  }

 private:
  // The numbers are etcd's.
  kv::AlarmType type() const { return static_cast<kv::AlarmType>(request_.alarm()); }

  void Read(const kv::ReadView& view) override {
    const kv::ReadResult<kv::AlarmResponse> result = view.Alarms(type());
    if (result.error != kv::Error::kNone) return Fail(ToStatus(result.error));
    Reply(result.response, view.revision());
  }

  void Written(kv::Result result) override {
    Reply(std::get<kv::AlarmResponse>(result.response), result.revision);
  }

  void Reply(const kv::AlarmResponse& alarms, kv::Revision revision) {
    for (const kv::Alarm& alarm : alarms.alarms) Write(alarm, *response_.add_alarms());
    FillHeader(revision, response_.mutable_header());
    Complete(revision);
  }

  const pb::AlarmRequest& request_;
  pb::AlarmResponse& response_;
};

class DefragmentCall final : public Call {
 public:
  DefragmentCall(const CallEnvironment& environment, grpc::CallbackServerContext* context)
      : Call(environment, Method::kDefragment, context) {}

  // etcd's answer has no header.
  void Begin() {
    backend().Defragment(cancel_, [this](const absl::Status& status) {
      if (status.ok()) return Complete(backend().View()->revision());
      Fail({static_cast<grpc::StatusCode>(status.code()),
            absl::StrCat("synod: ", absl::string_view(status.message()))});
    });
  }

  // Also when the server stops, which waits for this call.
  void OnCancel() override { cancel_->store(true); }

 private:
  const std::shared_ptr<std::atomic<bool>> cancel_ = std::make_shared<std::atomic<bool>>(false);
};

class HashKvCall final : public Call {
 public:
  HashKvCall(const CallEnvironment& environment, grpc::CallbackServerContext* context,
             const pb::HashKVRequest* request, pb::HashKVResponse* response)
      : Call(environment, Method::kHashKv, context), request_(*request), response_(*response) {}

  void Begin() {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    BeginRead(/*linearizable=*/false, ReadKind::kWhole);
  }

 private:
  void Read(const kv::ReadView& view) override {
    const kv::ReadResult<kv::HashResponse> result =
        view.Hash(request_.revision(), [this] { return GivenUp(); });
    if (result.error != kv::Error::kNone) return FailRead(result.error);
    response_.set_hash(result.response.hash);
    response_.set_compact_revision(result.response.compact_revision);
    response_.set_hash_revision(result.response.revision);
    FillHeader(view.revision(), response_.mutable_header());
    Complete(view.revision());
  }

  const pb::HashKVRequest& request_;
  pb::HashKVResponse& response_;
};

class MoveLeaderCall final : public Call {
 public:
  MoveLeaderCall(const CallEnvironment& environment, grpc::CallbackServerContext* context)
      : Call(environment, Method::kMoveLeader, context) {}

  // The answer is empty, as etcd's is.
  void Begin(NodeId to) {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    backend().MoveLeader(to, Deadline(), [this](HandOverOutcome outcome) {
      switch (outcome) {
        case HandOverOutcome::kDone:
          return Complete(backend().View()->revision());
        case HandOverOutcome::kNotLeader:
          return Fail(ToStatus(EtcdError::kNotLeader));
        case HandOverOutcome::kBadTransferee:
          return Fail(ToStatus(EtcdError::kBadLeaderTransferee));
        case HandOverOutcome::kTimeout:
          return Fail(ToStatus(EtcdError::kTimeout));
      }
    });
  }
};

}  // namespace

grpc::ServerUnaryReactor* MaintenanceService::HashKV(grpc::CallbackServerContext* context,
                                                     const pb::HashKVRequest* request,
                                                     pb::HashKVResponse* response) {
  auto* call = new HashKvCall(environment_, context, request, response);
  call->Begin();
  return call;
}

grpc::ServerUnaryReactor* MaintenanceService::MoveLeader(grpc::CallbackServerContext* context,
                                                         const pb::MoveLeaderRequest* request,
                                                         pb::MoveLeaderResponse*) {
  auto* call = new MoveLeaderCall(environment_, context);
  call->Begin(NodeId(request->targetid()));
  return call;
}

grpc::ServerUnaryReactor* MaintenanceService::Status(grpc::CallbackServerContext* context,
                                                     const pb::StatusRequest*,
                                                     pb::StatusResponse* response) {
  auto* call = new StatusCall(environment_, context);
  call->Begin(*response);
  return call;
}

grpc::ServerUnaryReactor* MaintenanceService::Alarm(grpc::CallbackServerContext* context,
                                                    const pb::AlarmRequest* request,
                                                    pb::AlarmResponse* response) {
  auto* call = new AlarmCall(environment_, context, request, response);
  call->Begin();
  return call;
}

grpc::ServerUnaryReactor* MaintenanceService::Defragment(grpc::CallbackServerContext* context,
                                                         const pb::DefragmentRequest*,
                                                         pb::DefragmentResponse*) {
  auto* call = new DefragmentCall(environment_, context);
  call->Begin();
  return call;
}

}  // namespace synod::rpc
