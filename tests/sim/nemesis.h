// Carries out a schedule of faults: makes each happen at its time and takes it back after a while.
#ifndef SYNOD_TESTS_SIM_NEMESIS_H_
#define SYNOD_TESTS_SIM_NEMESIS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/sim/balancer.h"
#include "tests/sim/fault.h"
#include "tests/sim/network.h"
#include "tests/sim/node.h"
#include "tests/sim/operator.h"
#include "tests/sim/world.h"

namespace synod::sim {

class Nemesis {
 public:
  Nemesis(World& world, Network& network, Operator& op,
          const std::vector<std::unique_ptr<Node>>& nodes,
          const std::vector<std::unique_ptr<Balancer>>& balancers)
      : world_(world), network_(network), operator_(op), nodes_(nodes), balancers_(balancers) {}

  // Once. `schedule` outlives the run; faults that name no node of it are skipped.
  void Start(const Schedule& schedule);
  // No more faults, and those under way are not taken back by themselves.
  void Stop() { active_ = false; }

  // Takes back whatever lasts; of nodes that are down but have been up, starts those in `core` only
  // (bit per node).
  void Heal(uint64_t core);

  uint64_t injected() const { return injected_; }

 private:
  void Inject(const PlannedFault& fault);
  void LieInWait(Node& node, const PlannedFault& fault);
  void InjectIntoDisk(Node& node, const PlannedFault& fault);
  void InjectIntoLinks(const PlannedFault& fault);
  void Operate(const PlannedFault& fault);
  void InjectIntoBalancer(const PlannedFault& fault);
  void Crash(Node& node, absl::Duration down, bool power);
  void Trouble(Node& node, Disk::Trouble trouble, absl::Duration lasts);
  void Cut(absl::Duration lasts, const std::function<bool(NodeId, NodeId)>& is_cut);
  void Swizzle(const PlannedFault& fault);
  void After(absl::Duration time, std::function<void()> undo);
  Node* Find(NodeId id);

  World& world_;
  Network& network_;
  Operator& operator_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  const std::vector<std::unique_ptr<Balancer>>& balancers_;
  bool active_ = false;
  uint64_t injected_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NEMESIS_H_
