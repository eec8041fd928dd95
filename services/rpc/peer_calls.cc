#include "services/rpc/peer_calls.h"

#include <chrono>

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
                                           const MemberChange& change, absl::Duration timeout) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  paxos::v1::ChangeMembersRequest request;
  request.set_cluster_id(cluster.value());
  request.set_timeout_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(timeout)));
  EncodeMemberChange(change, request);
  paxos::v1::ChangeMembersResponse response;
  const grpc::Status status =
      paxos::v1::Peer::NewStub(ConnectToPeer(address))->ChangeMembers(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return DecodeMemberOutcome(response);
}

}  // namespace synod::rpc
