// Member changes to and from their wire form between nodes (synod/paxos/v1/peer.proto).
//
// Thread-safety: pure functions.
#ifndef SYNOD_SERVICES_RPC_MEMBER_CODEC_H_
#define SYNOD_SERVICES_RPC_MEMBER_CODEC_H_

#include "absl/status/statusor.h"
#include "services/rpc/member_change.h"
#include "synod/cluster/v1/cluster.pb.h"
#include "synod/paxos/v1/peer.pb.h"

namespace synod::rpc {

void EncodeMember(const Member& member, cluster::v1::Member& out);
Member DecodeMember(const cluster::v1::Member& in);

void EncodeMemberChange(const MemberChange& change, paxos::v1::ChangeMembersRequest& out);

// InvalidArgument when it asks for nothing this release knows.
absl::StatusOr<MemberChange> DecodeMemberChange(const paxos::v1::ChangeMembersRequest& in);

void EncodeMemberOutcome(const MemberOutcome& outcome, paxos::v1::ChangeMembersResponse& out);

// What this release does not know is a failure with an unknown outcome.
MemberOutcome DecodeMemberOutcome(const paxos::v1::ChangeMembersResponse& in);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_MEMBER_CODEC_H_
