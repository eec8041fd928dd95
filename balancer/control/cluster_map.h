// What the nodes' views add up to: which cluster this is, who its members are, who leads it.
//
// Invariants:
// 1. Once a majority of the seeds agreed on a cluster id, it never changes: nodes of another
// cluster
//    are kept out until the balancer is restarted.
// 2. The members' configuration version never goes back, and an empty list is never applied.
// 3. The leader's ballot never goes back: the claim with the highest ballot seen wins, whoever
// makes
//    it, so that a node which was cut off cannot bring an old leader back.
//
// Thread-safety: one owner.
#ifndef SYNOD_BALANCER_CONTROL_CLUSTER_MAP_H_
#define SYNOD_BALANCER_CONTROL_CLUSTER_MAP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "balancer/control/facts.h"

namespace synod::balancer {

class ClusterMap {
 public:
  // Takes in the latest facts; cheap, called whenever some changed.
  void Update(const FactsByAddress& facts, const std::vector<std::string>& seeds);

  // 0 before any node was heard.
  uint64_t cluster_id() const { return cluster_id_; }
  bool Belongs(const NodeView& view) const { return view.cluster_id == cluster_id_; }

  // True when `view` is that of this cluster's member; ids may repeat between clusters.
  bool SpeaksFor(const NodeView& view, uint64_t member_id) const {
    return Belongs(view) && view.member_id == member_id;
  }

  // Empty before a list was learned.
  const std::vector<Member>& members() const { return members_; }

  // 0: none known.
  uint64_t leader_id() const { return leader_id_; }
  LeaderBallot leader_ballot() const { return leader_ballot_; }

 private:
  void ChooseCluster(const FactsByAddress& facts, size_t seeds);
  void Learn(const NodeView& view);

  uint64_t cluster_id_ = 0;
  bool pinned_ = false;
  std::vector<Member> members_;
  uint64_t configuration_version_ = 0;
  uint64_t leader_id_ = 0;
  LeaderBallot leader_ballot_;
};

// Where a member is reached: a seed that speaks for it, since the operator vouches for seeds, or
// else the address it advertises; of two, one that is connected. nullopt when it has told none.
std::optional<std::string> AddressOf(const ClusterMap& cluster, const Member& member,
                                     const FactsByAddress& facts,
                                     const std::vector<std::string>& seeds);

// The seeds always, so that a map gone stale can be learned anew, and every member that no
// connected seed speaks for. Sorted, without repeats.
std::vector<std::string> AddressesToFollow(const ClusterMap& cluster, const FactsByAddress& facts,
                                           const std::vector<std::string>& seeds);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_CLUSTER_MAP_H_
