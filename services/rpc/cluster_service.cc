#include "services/rpc/cluster_service.h"

namespace synod::rpc {
namespace {

class MemberListCall final : public Call {
 public:
  MemberListCall(const CallEnvironment& environment, grpc::CallbackServerContext* context,
                 etcdserverpb::MemberListResponse& response)
      : Call(environment, Method::kMemberList, context), response_(response) {}

  void Begin(bool linearizable) {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    BeginRead(linearizable);
  }

 private:
  void Read(const kv::ReadView& view) override {
    for (const Member& member : backend().Status().members) {
      etcdserverpb::Member& out = *response_.add_members();
      out.set_id(member.id.value());
      out.set_name(member.name);
      for (const std::string& url : member.peer_urls) out.add_peerurls(url);
      for (const std::string& url : member.client_urls) out.add_clienturls(url);
      out.set_islearner(member.learner);
    }
    FillHeader(view.revision(), response_.mutable_header());
    Complete(view.revision());
  }

  etcdserverpb::MemberListResponse& response_;
};

}  // namespace

grpc::ServerUnaryReactor* ClusterService::MemberList(grpc::CallbackServerContext* context,
                                                     const etcdserverpb::MemberListRequest* request,
                                                     etcdserverpb::MemberListResponse* response) {
  auto* call = new MemberListCall(environment_, context, *response);
  call->Begin(request->linearizable());
  return call;
}

}  // namespace synod::rpc
