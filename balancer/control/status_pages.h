// The HTTP admin listener: / (a page for people), /state (JSON), /metrics, /healthz, /readyz.
#ifndef SYNOD_BALANCER_CONTROL_STATUS_PAGES_H_
#define SYNOD_BALANCER_CONTROL_STATUS_PAGES_H_

#include <functional>
#include <map>
#include <string>

#include "balancer/control/state.h"
#include "common/clock.h"
#include "common/metrics/http_server.h"

namespace synod::balancer {

// By path. /healthz answers 200 while the process lives; /readyz while a backend is ready and
// `draining` is false, else 503 with the reason. What `source` refers to and `clock` outlive the
// server.
std::map<std::string, HttpHandler> StatusPages(StateSource source, std::function<bool()> draining,
                                               const Clock* clock);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_STATUS_PAGES_H_
