// Who administers the cluster of a run: adds, promotes and removes members and hands leadership
// over, one step at a time and blindly as to what becomes of it, but never so that the nodes whose
// disks may fail could form a majority.
#ifndef SYNOD_TESTS_SIM_OPERATOR_H_
#define SYNOD_TESTS_SIM_OPERATOR_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "common/random.h"
#include "services/paxos/configuration.h"
#include "tests/sim/node.h"
#include "tests/sim/observer.h"
#include "tests/sim/world.h"

namespace synod::sim {

class Operator {
 public:
  // `nodes` beyond the first `initial` are spares that may join. Nodes of `frail` (bit per node)
  // may lose what they know.
  Operator(World& world, const Observer& observer, const std::vector<std::unique_ptr<Node>>& nodes,
           int initial, uint64_t frail)
      : world_(world),
        observer_(observer),
        nodes_(nodes),
        next_spare_(static_cast<size_t>(initial)),
        frail_(frail) {}

  // Each does nothing when there is no leader to ask or nothing sensible to do.
  void Add();
  void Promote();
  void Remove(Random random);
  void HandOver(Random random);

 private:
  Node* Leader() const;
  bool IsSafe(const std::vector<paxos::ConfigMember>& next) const;

  World& world_;
  const Observer& observer_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  size_t next_spare_;
  const uint64_t frail_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_OPERATOR_H_
