// From everything the control plane knows to the View that the workers route by. A pure function:
// the effects (streams, health checks, resolving, publishing) are control.cc's.
#ifndef SYNOD_BALANCER_CONTROL_VIEW_BUILDER_H_
#define SYNOD_BALANCER_CONTROL_VIEW_BUILDER_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "balancer/control/cluster_map.h"
#include "balancer/control/facts.h"
#include "balancer/control/settings.h"
#include "balancer/view/view.h"

namespace synod::balancer {

// A node that heard nothing from its quorum for longer answers no linearizable call. Several
// election timeouts, so that an election alone does not make all nodes look cut off.
inline constexpr absl::Duration kQuorumContactLimit = absl::Seconds(3);

struct ViewInputs {
  bool generic = false;
  Settings settings;
  std::vector<std::string> seeds;  // host:port, sorted
  FactsByAddress facts;
  ClusterMap cluster;
  std::map<std::string, uint32_t> load_weights;                // by address
  std::set<std::string> drained;                               // by name or address
  std::set<std::string> ejected;                               // by address
  std::map<std::string, std::shared_ptr<BackendStats>> stats;  // of every address to be shown
  absl::Duration now;
};

// Which backends there are, and the state of each:
// - generic: every seed is one, ready while its health is not NOT_SERVING and it answers;
// - no members learned yet: every seed is one, ready once its view arrived;
// - else: one per member; learners and strangers are shown and never picked.
// Draining wins over every other state but for strangers; ejection is the weakest.
// `version` is left 0. Missing stats are created.
View BuildView(const ViewInputs& inputs);

// True when the workers need not be told: only slots and ages differ.
bool SameForRouting(const View& a, const View& b);

// Names and addresses by which drains may name a backend, sorted, without repeats.
std::vector<std::string> BackendNames(const View& view);

// The same for weights, which may also name a member that has been down since the others started.
std::vector<std::string> WeightNames(const View& view);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_VIEW_BUILDER_H_
