#include "services/rpc/member_codec.h"

namespace synod::rpc {
namespace {

template <class Urls>
std::vector<std::string> ToVector(const Urls& urls) {
  return {urls.begin(), urls.end()};
}

class ChangeEncoder {
 public:
  explicit ChangeEncoder(paxos::v1::ChangeMembersRequest& out) : out_(out) {}

  void operator()(const AddMember& change) {
    auto* out = out_.mutable_add();
    out->mutable_peer_urls()->Assign(change.peer_urls.begin(), change.peer_urls.end());
    out->set_learner(change.learner);
  }
  void operator()(const RemoveMember& change) { out_.set_remove(change.id.value()); }
  void operator()(const UpdateMember& change) {
    auto* out = out_.mutable_update();
    out->set_id(change.id.value());
    out->mutable_peer_urls()->Assign(change.peer_urls.begin(), change.peer_urls.end());
  }
  void operator()(const PromoteMember& change) { out_.set_promote(change.id.value()); }

 private:
  paxos::v1::ChangeMembersRequest& out_;
};

}  // namespace

void EncodeMember(const Member& member, cluster::v1::Member& out) {
  out.set_id(member.id.value());
  out.set_name(member.name);
  out.mutable_peer_urls()->Assign(member.peer_urls.begin(), member.peer_urls.end());
  out.mutable_client_urls()->Assign(member.client_urls.begin(), member.client_urls.end());
  out.set_learner(member.learner);
}

Member DecodeMember(const cluster::v1::Member& in) {
  return {NodeId(in.id()), in.name(), ToVector(in.peer_urls()), ToVector(in.client_urls()),
          in.learner()};
}

void EncodeMemberChange(const MemberChange& change, paxos::v1::ChangeMembersRequest& out) {
  std::visit(ChangeEncoder(out), change);
}

absl::StatusOr<MemberChange> DecodeMemberChange(const paxos::v1::ChangeMembersRequest& in) {
  using Request = paxos::v1::ChangeMembersRequest;
  switch (in.change_case()) {
    case Request::kAdd:
      return AddMember{ToVector(in.add().peer_urls()), in.add().learner()};
    case Request::kRemove:
      return RemoveMember{NodeId(in.remove())};
    case Request::kUpdate:
      return UpdateMember{NodeId(in.update().id()), ToVector(in.update().peer_urls())};
    case Request::kPromote:
      return PromoteMember{NodeId(in.promote())};
    case Request::CHANGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("member change: missing or of an unknown kind");
}

void EncodeMemberOutcome(const MemberOutcome& outcome, paxos::v1::ChangeMembersResponse& out) {
  out.set_failure(static_cast<uint32_t>(outcome.failure));
  out.set_refusal(static_cast<uint32_t>(outcome.refusal));
  out.set_member(outcome.added.value());
  for (const Member& member : outcome.members) EncodeMember(member, *out.add_members());
}

MemberOutcome DecodeMemberOutcome(const paxos::v1::ChangeMembersResponse& in) {
  if (in.failure() > static_cast<uint32_t>(Failure::kTimeoutNotApplied) ||
      in.refusal() > static_cast<uint32_t>(MemberRefusal::kUnhealthy)) {
    return {Failure::kTimeout, MemberRefusal::kNone, {}, {}};
  }
  MemberOutcome outcome;
  outcome.failure = static_cast<Failure>(in.failure());
  outcome.refusal = static_cast<MemberRefusal>(in.refusal());
  outcome.added = NodeId(in.member());
  for (const cluster::v1::Member& member : in.members()) {
    outcome.members.push_back(DecodeMember(member));
  }
  return outcome;
}

}  // namespace synod::rpc
