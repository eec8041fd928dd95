// Writes that a healed cluster must get through: at a node or by a balancer, again and again until
// one of them is answered.
#ifndef SYNOD_TESTS_SIM_BARRIERS_H_
#define SYNOD_TESTS_SIM_BARRIERS_H_

#include <cstdint>
#include <set>
#include <string>

#include "tests/sim/balancer.h"
#include "tests/sim/deliver.h"
#include "tests/sim/node.h"
#include "tests/sim/world.h"

namespace synod::sim {

class Barriers {
 public:
  Barriers(World& world, History& history) : world_(world), history_(history) {}

  // `again` is how long one write is waited for. A node that retires is given up.
  void Begin(Node& node, absl::Duration again);
  void Begin(Balancer& balancer, absl::Duration again);

  bool Passed(const Node& node) const { return nodes_.contains(node.id()); }
  bool Passed(const Balancer& balancer) const { return balancers_.contains(&balancer); }

 private:
  size_t NewWrite(const std::string& key);
  bool Answered(size_t operation, Reply&& reply);

  World& world_;
  History& history_;
  std::set<NodeId> nodes_;  // that have answered
  std::set<const Balancer*> balancers_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_BARRIERS_H_
