// /metrics: a prometheus-cpp registry in Prometheus' text format.
#ifndef SYNOD_COMMON_METRICS_EXPOSITION_H_
#define SYNOD_COMMON_METRICS_EXPOSITION_H_

#include <prometheus/collectable.h>

#include <memory>

#include "common/metrics/http_server.h"

namespace synod {

// Keeps the collectable alive as long as the handler.
HttpHandler MetricsHandler(std::shared_ptr<const prometheus::Collectable> collectable);

}  // namespace synod

#endif  // SYNOD_COMMON_METRICS_EXPOSITION_H_
