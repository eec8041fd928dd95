// One log line per change of a backend's state, of the leader, the policy or the weights.
#ifndef SYNOD_BALANCER_CONTROL_TRANSITIONS_H_
#define SYNOD_BALANCER_CONTROL_TRANSITIONS_H_

#include "balancer/view/view.h"
#include "common/log/log.h"

namespace synod::balancer {

// `before` is null for the first view.
void LogTransitions(const View* before, const View& after, Log& log);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_TRANSITIONS_H_
