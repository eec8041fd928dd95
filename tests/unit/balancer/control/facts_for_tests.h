// Facts as a healthy cluster n1, n2, n3 gives them.
#ifndef SYNOD_TESTS_UNIT_BALANCER_CONTROL_FACTS_FOR_TESTS_H_
#define SYNOD_TESTS_UNIT_BALANCER_CONTROL_FACTS_FOR_TESTS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "balancer/control/facts.h"

namespace synod::balancer {

inline constexpr absl::Duration kNow = absl::Hours(5);
inline constexpr uint64_t kCluster = 0xc1;

// "10.0.0.N:2379", what member N advertises.
inline std::string AddressOfNode(uint64_t id) {
  return absl::StrCat("10.0.0.", id, ":2379");
}

inline Member MemberOf(uint64_t id) {
  Member member;
  member.id = id;
  member.name = absl::StrCat("n", id);
  member.client_addresses = {AddressOfNode(id)};
  return member;
}

// A member of three led by n2 with ballot 7.
inline NodeView ViewOf(uint64_t id) {
  NodeView view;
  view.cluster_id = kCluster;
  view.member_id = id;
  view.name = absl::StrCat("n", id);
  view.members = {MemberOf(1), MemberOf(2), MemberOf(3)};
  view.configuration_version = 1;
  view.leader_id = 2;
  view.leader_ballot = {7, 2};
  view.applied_slot = 100;
  view.quorum_contact_age = absl::Milliseconds(10);
  return view;
}

inline BackendFacts FactsFor(NodeView view) {
  BackendFacts facts;
  facts.connected = true;
  facts.health = Health::kServing;
  facts.view = std::move(view);
  facts.heard_at = kNow;
  return facts;
}

inline BackendFacts Unreachable() {
  BackendFacts facts;
  facts.problem = "cannot be reached: Connection refused";
  return facts;
}

inline std::vector<std::string> ThreeSeeds() {
  return {AddressOfNode(1), AddressOfNode(2), AddressOfNode(3)};
}

inline FactsByAddress ThreeNodes() {
  FactsByAddress facts;
  for (uint64_t id = 1; id <= 3; ++id) facts[AddressOfNode(id)] = FactsFor(ViewOf(id));
  return facts;
}

}  // namespace synod::balancer

#endif  // SYNOD_TESTS_UNIT_BALANCER_CONTROL_FACTS_FOR_TESTS_H_
