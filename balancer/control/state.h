// The balancer's state as others read it: the admin interface's message and /state's
// JSON.
#ifndef SYNOD_BALANCER_CONTROL_STATE_H_
#define SYNOD_BALANCER_CONTROL_STATE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "balancer/proxy/proxy.h"
#include "balancer/view/view.h"
#include "synod/balancer/v1/admin.pb.h"

namespace synod::balancer {

struct StateSource {
  std::function<std::shared_ptr<const View>()> view;
  std::function<ProxyCounters()> counters;
};

// What calls to the backend take. Nothing before the first, and nothing when it has been idle for
// so long that the estimate has decayed to less than any call takes. `now` is monotonic.
std::optional<absl::Duration> LatencyOf(const Backend& backend, MethodClass method_class,
                                        absl::Duration now);

// `now` is monotonic: latency estimates decay to it.
void FillState(const View& view, absl::Duration now, v1::State* state);

// One object: version, policy, policies (all there are), write_routing, generic, cluster_id (hex),
// leader ("": no node names one), leader_ballot_round, minimum_in_use, proxy {client_connections,
// streams_open, calls_total, refusals_total, replays_total, retries_total,
// connections_refused_total, connections_punished_total} and backends [{name, address, role ("" in
// generic mode), state, reason, leader, weight (null: unknown), calls_in_flight, calls_total,
// failures_total, read_latency_us, write_latency_us (null: not measured lately), applied_slot,
// quorum_contact_age_ms}].
std::string StateJson(const View& view, const ProxyCounters& counters, absl::Duration now);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_STATE_H_
