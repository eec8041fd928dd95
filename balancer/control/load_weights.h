// Weights from the load that nodes report, for the weighted policy without static weights.
//
// gRPC's proposal A58: weight = requests per second / (utilization + errors share x penalty),
// unusable until reports have flowed for 10 s, so that a node's first seconds do not decide, and
// 180 s after the last one; recomputed once a second. Fewer than two known weights: none, which
// makes the policy plain round robin. Weights are scaled so that their mean is 1000 and kept
// between 1 % and ten times of it. New ones replace the old when one moved by more than 5 %: less
// is noise, and each change makes a new View.
//
// Thread-safety: one owner.
#ifndef SYNOD_BALANCER_CONTROL_LOAD_WEIGHTS_H_
#define SYNOD_BALANCER_CONTROL_LOAD_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "balancer/control/facts.h"

namespace synod::balancer {

class LoadWeights {
 public:
  static constexpr absl::Duration kBlackout = absl::Seconds(10);
  static constexpr absl::Duration kExpiry = absl::Seconds(180);
  static constexpr absl::Duration kPeriod = absl::Seconds(1);
  static constexpr double kErrorPenalty = 1;
  static constexpr double kNoise = 0.05;

  // Looks at the facts once a second; calls in between do nothing. Forgets addresses that are gone.
  void Update(const FactsByAddress& facts, absl::Duration now);

  // By address; unknown ones are left out.
  const std::map<std::string, uint32_t>& weights() const { return weights_; }

 private:
  struct Report {
    absl::Duration first;  // of the reports that have flowed since without expiring
    absl::Duration last;
    double weight = 0;
  };

  void Publish(absl::Duration now);
  std::map<std::string, uint32_t> Scaled(absl::Duration now) const;

  std::map<std::string, Report> reports_;
  std::map<std::string, uint32_t> weights_;
  absl::Duration updated_ = -absl::InfiniteDuration();
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_LOAD_WEIGHTS_H_
