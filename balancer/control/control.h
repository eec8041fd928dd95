// The control plane's loop: follows the backends, keeps the facts, builds Views and publishes them.
//
// One thread owns the cluster map, the followers and the ejections. Streams write to the fact
// board, operators change the settings; both wake the loop, which computes (BuildView) and then
// acts.
//
// Thread-safety: all members may be called by any thread.
#ifndef SYNOD_BALANCER_CONTROL_CONTROL_H_
#define SYNOD_BALANCER_CONTROL_CONTROL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/control/ejection.h"
#include "balancer/control/follower.h"
#include "balancer/control/seed_resolver.h"
#include "balancer/control/settings.h"
#include "balancer/view/view.h"
#include "common/clock.h"
#include "common/log/log.h"

namespace synod::balancer {

struct ControlOptions {
  Seeds seeds;
  bool generic = false;
  Settings settings;  // checked by CheckSettings
  FollowerOptions follower;
  EjectionOptions ejection;
  absl::Duration tick = absl::Milliseconds(50);
  absl::Duration resolve_interval = absl::Seconds(5);
  ResolveFunction resolve = ResolveBySystem;
};

class Control {
 public:
  using Publish = std::function<void(std::shared_ptr<const View>)>;

  // Both outlive it. A first View exists when it returns.
  static std::unique_ptr<Control> Start(ControlOptions options, Log* log, const Clock* clock);

  // Stops the loop and ends all streams.
  virtual ~Control() = default;

  // Hands over the current View now and every later one that routing depends on, on the loop's
  // thread, in order. Once.
  virtual void PublishTo(Publish publish) = 0;

  // The latest, with slots and ages of now; its version tells how often routing changed.
  virtual std::shared_ptr<const View> view() const = 0;
  virtual Settings settings() const = 0;

  // These take effect, and are published, before they return. InvalidArgument, with what there is,
  // for an unknown policy or a new weight that names no member; then nothing is changed.
  virtual absl::Status Apply(const Settings& settings) = 0;
  virtual absl::Status SetPolicy(absl::string_view name) = 0;
  virtual absl::Status SetWeights(const WeightMap& weights) = 0;

  // By name or address; NotFound, with the names there are, for an unknown backend.
  virtual absl::Status Drain(absl::string_view backend) = 0;
  virtual absl::Status Undrain(absl::string_view backend) = 0;

  // True once a backend is ready; false after `timeout`.
  virtual bool AwaitReady(absl::Duration timeout) const = 0;

  // Ok once each weight names a member, or when no node could be asked within `timeout`; else the
  // error of CheckWeightNames.
  virtual absl::Status AwaitWeightNames(absl::Duration timeout) const = 0;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_CONTROL_H_
