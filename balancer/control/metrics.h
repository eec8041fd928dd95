// /metrics of the balancer: what the view and the data plane count, as Prometheus reads it.
#ifndef SYNOD_BALANCER_CONTROL_METRICS_H_
#define SYNOD_BALANCER_CONTROL_METRICS_H_

#include <prometheus/collectable.h>

#include <memory>

#include "balancer/control/state.h"
#include "common/clock.h"

namespace synod::balancer {

// synod_balancer_*: by backend, calls, failures, in flight, latency estimates, ready and leader;
// and the data plane's counters. Computed at each scrape; what `source` refers to and `clock`
// outlive it.
std::shared_ptr<const prometheus::Collectable> MakeMetrics(StateSource source, const Clock* clock);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_METRICS_H_
