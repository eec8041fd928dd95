// Members of the cluster as clients see them, and what clients may ask to change about them: etcd's
// Cluster service as plain values.
#ifndef SYNOD_SERVICES_RPC_MEMBER_CHANGE_H_
#define SYNOD_SERVICES_RPC_MEMBER_CHANGE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "services/rpc/failure.h"

namespace synod::rpc {

struct Member {
  NodeId id;
  std::string name;  // empty until it has started
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;  // empty until it has been heard of
  bool learner = false;
};

// The new member follows without a vote. Unless it is to stay a `learner`, it gets its vote by
// itself as soon as it has caught up.
struct AddMember {
  std::vector<std::string> peer_urls;
  bool learner = false;
};

struct RemoveMember {
  NodeId id;
};

struct UpdateMember {
  NodeId id;
  std::vector<std::string> peer_urls;
};

struct PromoteMember {
  NodeId id;
};

using MemberChange = std::variant<AddMember, RemoveMember, UpdateMember, PromoteMember>;

// Why a change is refused; nothing was changed. error_table.h has etcd's words for each. The
// numbers travel between nodes.
enum class MemberRefusal : uint8_t {
  kNone = 0,
  kNotFound = 1,
  kPeerUrlExists = 2,
  kNotLearner = 3,
  kLearnerNotReady = 4,   // too far behind, or never heard of
  kTooManyLearners = 5,   // one that is to stay a learner at a time
  kNotEnoughStarted = 6,  // the members that have started would be no majority afterwards
  kUnhealthy = 7,         // too few members are connected for the change to be safe
};

struct MemberOutcome {
  Failure failure = Failure::kNone;
  MemberRefusal refusal = MemberRefusal::kNone;  // meaningful when failure is kNone

  // When neither failed nor refused.
  NodeId added;
  std::vector<Member> members;  // afterwards
};

using MembersDone = std::function<void(MemberOutcome)>;

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_MEMBER_CHANGE_H_
