// Makes faults happen: picks one of those the run allows every now and then, and takes it back
// after a while.
#ifndef SYNOD_TESTS_SIM_NEMESIS_H_
#define SYNOD_TESTS_SIM_NEMESIS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/random.h"
#include "tests/sim/network.h"
#include "tests/sim/node.h"
#include "tests/sim/world.h"

namespace synod::sim {

enum class Fault {
  kKill,        // one node, kill -9
  kPowerLoss,   // one node, un-synced bytes lost
  kBlackout,    // power loss on all nodes at once
  kPause,       // SIGSTOP
  kSlowDisk,    // syncs take 10 to 1000 times as long
  kPartition,   // two halves that do not hear each other
  kOneWayCut,   // one direction of one link
  kPartialCut,  // one link, both directions
  kIsolate,     // one node, all links
};
inline constexpr int kFaults = 9;

struct NemesisOptions {
  uint32_t allowed = 0;                        // bit per Fault
  absl::Duration interval = absl::Seconds(1);  // mean between faults
  absl::Duration duration = absl::Seconds(2);  // mean of each

  bool Allows(Fault fault) const { return (allowed >> static_cast<int>(fault) & 1) != 0; }
};

class Nemesis {
 public:
  Nemesis(World& world, Network& network, std::vector<std::unique_ptr<Node>>& nodes,
          NemesisOptions options, Random random);

  // Faults from now on, until Stop.
  void Start();
  void Stop() { active_ = false; }

  // Takes back whatever lasts; of nodes that are down, starts those in `core` only (bit per node).
  void Heal(uint64_t core);

  uint64_t injected() const { return injected_; }

 private:
  void Next();
  void Inject(Fault fault);
  void Crash(Node& node, bool power);
  void Cut(const std::function<bool(NodeId, NodeId)>& is_cut);
  Node& PickNode();
  // Two different nodes; precondition: there are two.
  std::pair<NodeId, NodeId> PickLink();
  void Later(std::function<void()> undo);

  World& world_;
  Network& network_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  const NemesisOptions options_;
  std::vector<Fault> faults_;
  Random random_;
  bool active_ = false;
  uint64_t injected_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NEMESIS_H_
