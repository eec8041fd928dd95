#include "services/rpc/peer_calls.h"

#include <chrono>
#include <utility>

#include "common/steady_wait.h"
#include "services/rpc/member_codec.h"
#include "services/rpc/peer_channel.h"
#include "services/rpc/peer_codec.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {
namespace {

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// Between two looks at whether the caller still waits.
constexpr absl::Duration kGiveUpCheck = absl::Milliseconds(20);

// Until the call has ended, which it does soon when the caller gives it up.
void AwaitEnd(const Event& ended, grpc::ClientContext& context, const kv::GiveUp& give_up) {
  while (!ended.WaitWithTimeout(kGiveUpCheck)) {
    if (give_up()) context.TryCancel();
  }
}

}  // namespace

absl::StatusOr<JoinAnswer> AskWhoIAm(const std::string& address,
                                     const std::vector<std::string>& peer_urls,
                                     absl::Duration timeout) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  paxos::v1::JoinRequest request;
  request.set_protocol_version(kPeerProtocolVersion);
  request.mutable_peer_urls()->Assign(peer_urls.begin(), peer_urls.end());
  paxos::v1::JoinResponse response;
  const grpc::Status status =
      paxos::v1::Peer::NewStub(ConnectToPeer(address))->Join(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  JoinAnswer answer{ClusterId(response.cluster_id()),
                    NodeId(response.member_id()),
                    response.configuration_version(),
                    {}};
  for (const cluster::v1::Member& member : response.members()) {
    answer.members.push_back(DecodeMember(member));
  }
  return answer;
}

absl::StatusOr<MemberOutcome> AskForChange(const std::string& address, ClusterId cluster,
                                           const MemberChange& change, absl::Duration timeout,
                                           kv::GiveUp give_up) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  paxos::v1::ChangeMembersRequest request;
  request.set_cluster_id(cluster.value());
  request.set_timeout_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(timeout)));
  EncodeMemberChange(change, request);
  paxos::v1::ChangeMembersResponse response;
  const auto stub = paxos::v1::Peer::NewStub(ConnectToPeer(address));
  grpc::Status status;
  Event ended;
  stub->async()->ChangeMembers(&context, &request, &response, [&](grpc::Status end) {
    status = std::move(end);
    ended.Notify();
  });
  AwaitEnd(ended, context, give_up);
  if (!status.ok()) return FromGrpc(status);
  return DecodeMemberOutcome(response);
}

absl::StatusOr<kv::HashResponse> AskForHash(const std::string& address,
                                            const HashQuestion& question, absl::Duration timeout,
                                            kv::GiveUp give_up) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  paxos::v1::HashStoreRequest request;
  request.set_cluster_id(question.cluster.value());
  request.set_from(question.self.value());
  request.set_revision(question.revision);
  request.set_form(kv::kHashForm);
  paxos::v1::HashStoreResponse response;
  const auto stub = paxos::v1::Peer::NewStub(ConnectToPeer(address));
  grpc::Status status;
  Event ended;
  stub->async()->HashStore(&context, &request, &response, [&](grpc::Status end) {
    status = std::move(end);
    ended.Notify();
  });
  AwaitEnd(ended, context, give_up);
  if (!status.ok()) return FromGrpc(status);
  return kv::HashResponse{response.hash(), response.compact_revision(), question.revision};
}

}  // namespace synod::rpc
