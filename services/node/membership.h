// Who the members are, as replicated state: what a configuration says of each of them, and what a
// client's change makes of it. etcd's rules and refusals (server/etcdserver/server.go,
// api/membership/cluster.go), its strict check of reconfigurations always on.
//
// Where we differ from etcd, and why: a member that is added follows without a vote until it has
// caught up and gets its vote then by itself, so that growing never costs a quorum (AddMember,
// MemberAttributes). For etcd's counts it is the voter that it is going to be.
//
// Thread-safety: pure functions.
#ifndef SYNOD_SERVICES_NODE_MEMBERSHIP_H_
#define SYNOD_SERVICES_NODE_MEMBERSHIP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/node/identity.h"
#include "services/paxos/configuration.h"
#include "services/rpc/member_change.h"

namespace synod::node {

// ConfigMember::attributes. Where a member serves clients, and the name of one that has no vote
// yet, travel in the peers' hellos instead.
struct MemberAttributes {
  std::string name;                    // empty until it votes
  std::vector<std::string> peer_urls;  // ascending, at least one
  bool votes_when_ready = false;       // a learner that waits for its vote

  std::string Encode() const;
  // DataLoss when the bytes are not exactly such attributes.
  static absl::StatusOr<MemberAttributes> Parse(absl::string_view bytes);
};

// The configuration that a cluster is born with: everybody votes.
paxos::Configuration FirstConfiguration(const Identity& identity);

// Members as clients see them, without what hellos say. Members whose attributes cannot be read are
// shown without.
std::vector<rpc::Member> MembersOf(const paxos::Configuration& configuration);

// Where everybody who may still have a say is reached: host:port.
std::map<NodeId, std::string> PeerAddresses(const paxos::ConfigurationHistory& history);

// The member with exactly these peer URLs, in any order; NodeId() when there is none.
NodeId FindByPeerUrls(const paxos::Configuration& configuration,
                      std::vector<std::string> peer_urls);

// How far a learner has come, as the leader knows it.
struct LearnerProgress {
  uint64_t instance = 0;  // of its log; 0 until it has been heard of
  Slot chosen_through;
};

// What the leader knows beside the configuration.
struct MembershipFacts {
  NodeId self;                          // the leader
  std::map<NodeId, std::string> names;  // of members that have been heard of
  std::set<NodeId> connected;           // without self
  std::set<NodeId> steady;              // of these, for as long as etcd wants to see it
  std::map<NodeId, LearnerProgress> learners;
  Slot chosen_through;
};

// A change that is allowed becomes the next configuration.
struct NextConfiguration {
  rpc::MemberRefusal refusal = rpc::MemberRefusal::kNone;
  std::optional<paxos::Configuration> configuration;  // when not refused
  NodeId added;
};

// `random` makes the id of a new member: no member ever had it, so that nobody who was removed
// comes back with an old disk.
NextConfiguration ApplyChange(const paxos::Configuration& now, const rpc::MemberChange& change,
                              const MembershipFacts& facts, uint64_t random);

// A learner that waits for its vote and is ready for it; NodeId() when there is none.
NodeId ReadyForVote(const paxos::Configuration& now, const MembershipFacts& facts);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_MEMBERSHIP_H_
