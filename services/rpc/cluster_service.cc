#include "services/rpc/cluster_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/url/url.h"
#include "services/rpc/error_table.h"

namespace synod::rpc {
namespace {

void Fill(const Member& member, etcdserverpb::Member& out) {
  out.set_id(member.id.value());
  out.set_name(member.name);
  for (const std::string& url : member.peer_urls) out.add_peerurls(url);
  for (const std::string& url : member.client_urls) out.add_clienturls(url);
  out.set_islearner(member.learner);
}

// Sorted, each once and in one spelling; nothing when they are no URLs that a node could be reached
// at.
template <class Urls>
std::optional<std::vector<std::string>> CheckUrls(const Urls& urls) {
  std::vector<std::string> checked;
  for (const std::string& text : urls) {
    const auto url = ParseUrl(text);
    if (!url.ok() || url->scheme != "http" || url->address.port == 0) return std::nullopt;
    checked.push_back(url->ToString());
  }
  if (checked.empty()) return std::nullopt;
  std::sort(checked.begin(), checked.end());
  checked.erase(std::unique(checked.begin(), checked.end()), checked.end());
  return checked;
}

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
    for (const Member& member : backend().Status().members) Fill(member, *response_.add_members());
    FillHeader(view.revision(), response_.mutable_header());
    Complete(view.revision());
  }

  etcdserverpb::MemberListResponse& response_;
};

// One of the four changes; they differ in what they ask for and in MemberAdd's answer.
template <class Response>
class MemberChangeCall final : public Call {
 public:
  MemberChangeCall(const CallEnvironment& environment, Method method,
                   grpc::CallbackServerContext* context, Response& response)
      : Call(environment, method, context), response_(response) {}

  void Begin(std::optional<MemberChange> change) {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    if (!change) return Fail(ToStatus(EtcdError::kMemberBadUrls));
    backend().ChangeMembers(*std::move(change), Deadline(),
                            [this](MemberOutcome outcome) { Changed(outcome); });
  }

 private:
  void Changed(const MemberOutcome& outcome) {
    if (outcome.failure != Failure::kNone) return Fail(Explain(outcome.failure));
    if (outcome.refusal != MemberRefusal::kNone) return Fail(ToStatus(outcome.refusal));
    for (const Member& member : outcome.members) {
      Fill(member, *response_.add_members());
      if constexpr (std::is_same_v<Response, etcdserverpb::MemberAddResponse>) {
        if (member.id == outcome.added) Fill(member, *response_.mutable_member());
      }
    }
    const kv::Revision revision = backend().View()->revision();
    FillHeader(revision, response_.mutable_header());
    Complete(revision);
  }

  Response& response_;
};

template <class Response>
grpc::ServerUnaryReactor* Change(const CallEnvironment& environment, Method method,
                                 grpc::CallbackServerContext* context, Response* response,
                                 std::optional<MemberChange> change) {
  auto* call = new MemberChangeCall<Response>(environment, method, context, *response);
  call->Begin(std::move(change));
  return call;
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::MemberList(grpc::CallbackServerContext* context,
                                                     const etcdserverpb::MemberListRequest* request,
                                                     etcdserverpb::MemberListResponse* response) {
  auto* call = new MemberListCall(environment_, context, *response);
  call->Begin(request->linearizable());
  return call;
}

grpc::ServerUnaryReactor* ClusterService::MemberAdd(grpc::CallbackServerContext* context,
                                                    const etcdserverpb::MemberAddRequest* request,
                                                    etcdserverpb::MemberAddResponse* response) {
  std::optional<MemberChange> change;
  if (auto urls = CheckUrls(request->peerurls())) {
    change = AddMember{*std::move(urls), request->islearner()};
  }
  return Change(environment_, Method::kMemberAdd, context, response, std::move(change));
}

grpc::ServerUnaryReactor* ClusterService::MemberRemove(
    grpc::CallbackServerContext* context, const etcdserverpb::MemberRemoveRequest* request,
    etcdserverpb::MemberRemoveResponse* response) {
  return Change(environment_, Method::kMemberRemove, context, response,
                RemoveMember{NodeId(request->id())});
}

grpc::ServerUnaryReactor* ClusterService::MemberUpdate(
    grpc::CallbackServerContext* context, const etcdserverpb::MemberUpdateRequest* request,
    etcdserverpb::MemberUpdateResponse* response) {
  std::optional<MemberChange> change;
  if (auto urls = CheckUrls(request->peerurls())) {
    change = UpdateMember{NodeId(request->id()), *std::move(urls)};
  }
  return Change(environment_, Method::kMemberUpdate, context, response, std::move(change));
}

grpc::ServerUnaryReactor* ClusterService::MemberPromote(
    grpc::CallbackServerContext* context, const etcdserverpb::MemberPromoteRequest* request,
    etcdserverpb::MemberPromoteResponse* response) {
  return Change(environment_, Method::kMemberPromote, context, response,
                PromoteMember{NodeId(request->id())});
}

}  // namespace synod::rpc
