#include "balancer/control/metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include <string>
#include <utility>
#include <vector>

namespace synod::balancer {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double LatencySeconds(const Backend& backend, MethodClass method_class, absl::Duration now) {
  return absl::ToDoubleSeconds(
      LatencyOf(backend, method_class, now).value_or(absl::ZeroDuration()));
}

class BalancerMetrics final : public prometheus::Collectable {
 public:
  BalancerMetrics(StateSource source, const Clock* clock)
      : source_(std::move(source)), clock_(clock) {}

  std::vector<MetricFamily> Collect() const override {
    const auto view = source_.view();
    const ProxyCounters counters = source_.counters();
    const absl::Duration now = clock_->Monotonic();
    std::vector<MetricFamily> families;
    const auto per_backend = [&](std::string name, std::string help, MetricType type, auto value) {
      MetricFamily family{std::move(name), std::move(help), type, {}};
      for (const Backend& backend : view->backends) {
        family.metric.push_back(Metric(type, value(backend)));
        family.metric.back().label = {{"backend", backend.name}, {"address", backend.address}};
      }
      families.push_back(std::move(family));
    };
    const auto single = [&](std::string name, std::string help, MetricType type, double value) {
      families.push_back({std::move(name), std::move(help), type, {Metric(type, value)}});
    };
    constexpr auto kCounter = MetricType::Counter;
    constexpr auto kGauge = MetricType::Gauge;
    per_backend("synod_balancer_backend_calls_total", "Attempts sent to the backend", kCounter,
                [](const Backend& b) { return b.stats->calls_total.load(); });
    per_backend("synod_balancer_backend_failures_total", "Attempts that the backend failed",
                kCounter, [](const Backend& b) { return b.stats->failures_total.load(); });
    per_backend("synod_balancer_backend_calls_in_flight", "Attempts under way", kGauge,
                [](const Backend& b) { return b.stats->in_flight(); });
    per_backend("synod_balancer_backend_ready", "1 while the backend gets calls", kGauge,
                [](const Backend& b) { return b.state == BackendState::kReady; });
    per_backend("synod_balancer_backend_leader", "1 for the leader, if the nodes name one", kGauge,
                [&](const Backend& b) { return &b == view->ConfirmedLeader(); });
    per_backend("synod_balancer_backend_applied_slot", "Last slot the node says it applied", kGauge,
                [](const Backend& b) { return b.applied_slot; });
    per_backend("synod_balancer_backend_read_latency_seconds", "Peak-EWMA of reads, 0 if unknown",
                kGauge,
                [now](const Backend& b) { return LatencySeconds(b, MethodClass::kRead, now); });
    per_backend("synod_balancer_backend_write_latency_seconds", "Peak-EWMA of writes, 0 if unknown",
                kGauge,
                [now](const Backend& b) { return LatencySeconds(b, MethodClass::kWrite, now); });
    single("synod_balancer_calls_total", "Calls of clients", kCounter, counters.calls_total);
    single("synod_balancer_refusals_total", "Calls answered by the balancer itself", kCounter,
           counters.refusals_total);
    single("synod_balancer_replays_total", "Attempts repeated at another backend", kCounter,
           counters.replays_total);
    single("synod_balancer_retries_total", "Reads that may have reached a backend, sent to another",
           kCounter, counters.retries_total);
    single("synod_balancer_connections_refused_total", "Connections of clients beyond the limit",
           kCounter, counters.connections_refused_total);
    single("synod_balancer_client_connections", "Open connections of clients", kGauge,
           counters.client_connections);
    single("synod_balancer_connections_punished_total",
           "Connections of clients ended for resets or frames beyond their rate", kCounter,
           counters.connections_punished_total);
    single("synod_balancer_streams_open", "Calls under way", kGauge, counters.streams_open);
    single("synod_balancer_view_version", "How often routing changed", kGauge, view->version);
    return families;
  }

 private:
  static ClientMetric Metric(MetricType type, double value) {
    ClientMetric metric;
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    return metric;
  }

  const StateSource source_;
  const Clock* const clock_;
};

}  // namespace

std::shared_ptr<const prometheus::Collectable> MakeMetrics(StateSource source, const Clock* clock) {
  return std::make_shared<BalancerMetrics>(std::move(source), clock);
}

}  // namespace synod::balancer
