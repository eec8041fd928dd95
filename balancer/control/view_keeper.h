// What the control plane remembers from one turn of its loop to the next, and the turn itself as a
// function of what was heard, what is wanted and the time: who leads, who is out, what to tell the
// workers. The effects (streams, health checks, publishing) are control.cc's.
//
// Pure: the simulator runs it as it is. Thread-safety: one owner.
#ifndef SYNOD_BALANCER_CONTROL_VIEW_KEEPER_H_
#define SYNOD_BALANCER_CONTROL_VIEW_KEEPER_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "balancer/control/cluster_map.h"
#include "balancer/control/ejection.h"
#include "balancer/control/facts.h"
#include "balancer/control/load_weights.h"
#include "balancer/control/settings.h"
#include "balancer/view/view.h"

namespace synod::balancer {

// What operators and the resolver ask for.
struct Wishes {
  Settings settings;
  std::vector<std::string> seeds;  // host:port, sorted
  std::set<std::string> drained;   // by name or address
};

class ViewKeeper {
 public:
  ViewKeeper(bool generic, EjectionOptions ejection) : generic_(generic), ejection_(ejection) {}

  // One turn. The View's version starts at 1 and grows by one when routing changed; otherwise only
  // slots and ages differ from the view before. Ejections decided now show in the next view.
  std::shared_ptr<const View> Turn(const Wishes& wishes, const FactsByAddress& facts,
                                   absl::Duration now);

  // As of the latest turn.
  const ClusterMap& cluster() const { return cluster_; }

 private:
  void KeepStats(const std::vector<std::string>& seeds);
  void Eject(const View& view, absl::Duration now);

  const bool generic_;
  ClusterMap cluster_;
  LoadWeights load_weights_;
  Ejection ejection_;
  std::map<std::string, std::shared_ptr<BackendStats>> stats_;  // by address
  std::shared_ptr<const View> latest_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_VIEW_KEEPER_H_
