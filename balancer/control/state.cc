#include "balancer/control/state.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "balancer/control/settings.h"
#include "balancer/policies/policy.h"

namespace synod::balancer {
namespace {

constexpr absl::Duration kLeastLatency = absl::Microseconds(10);

std::optional<double> LatencyUs(const Backend& backend, MethodClass method_class,
                                absl::Duration now) {
  const auto latency = LatencyOf(backend, method_class, now);
  if (!latency) return std::nullopt;
  return absl::ToDoubleMicroseconds(*latency);
}

template <class T>
nlohmann::json OrNull(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json BackendJson(const View& view, const Backend& backend, absl::Duration now) {
  return {
      {"name", backend.name},
      {"address", backend.address},
      {"role", view.generic ? "" : std::string(BackendRoleName(backend.role))},
      {"state", std::string(BackendStateName(backend.state))},
      {"reason", backend.reason},
      {"leader", &backend == view.ConfirmedLeader()},
      {"weight", OrNull(backend.weight)},
      {"calls_in_flight", backend.stats->in_flight()},
      {"calls_total", backend.stats->calls_total.load(std::memory_order_relaxed)},
      {"failures_total", backend.stats->failures_total.load(std::memory_order_relaxed)},
      {"read_latency_us", OrNull(LatencyUs(backend, MethodClass::kRead, now))},
      {"write_latency_us", OrNull(LatencyUs(backend, MethodClass::kWrite, now))},
      {"applied_slot", backend.applied_slot},
      {"quorum_contact_age_ms", absl::ToInt64Milliseconds(backend.quorum_contact_age)},
  };
}

}  // namespace

std::optional<absl::Duration> LatencyOf(const Backend& backend, MethodClass method_class,
                                        absl::Duration now) {
  const auto estimate = backend.stats->of(method_class).latency.Estimate(now);
  return estimate && *estimate >= kLeastLatency ? estimate : std::nullopt;
}

void FillState(const View& view, absl::Duration now, v1::State* state) {
  state->set_policy(view.policy);
  state->set_generic(view.generic);
  const absl::string_view routing = WriteRoutingName(view.write_routing);
  state->set_write_routing(routing.data(), routing.size());
  state->set_cluster_id(view.cluster_id);
  state->set_leader_ballot_round(view.leader_ballot_round);
  if (const Backend* leader = view.ConfirmedLeader()) state->set_leader(leader->name);
  for (const Backend& from : view.backends) {
    v1::Backend* to = state->add_backends();
    to->set_name(from.name);
    to->set_address(from.address);
    const absl::string_view name = BackendStateName(from.state);
    to->set_state(name.data(), name.size());
    to->set_reason(from.reason);
    to->set_leader(&from == view.ConfirmedLeader());
    if (from.weight) to->set_weight(*from.weight);
    to->set_calls_in_flight(from.stats->in_flight());
    to->set_calls_total(from.stats->calls_total.load(std::memory_order_relaxed));
    to->set_failures_total(from.stats->failures_total.load(std::memory_order_relaxed));
    to->set_read_latency_us(LatencyUs(from, MethodClass::kRead, now).value_or(0));
    to->set_write_latency_us(LatencyUs(from, MethodClass::kWrite, now).value_or(0));
    to->set_applied_slot(from.applied_slot);
    to->set_quorum_contact_age_ms(
        static_cast<uint64_t>(absl::ToInt64Milliseconds(from.quorum_contact_age)));
  }
}

std::string StateJson(const View& view, const ProxyCounters& counters, absl::Duration now) {
  const Backend* const leader = view.ConfirmedLeader();
  nlohmann::json backends = nlohmann::json::array();
  for (const Backend& backend : view.backends) backends.push_back(BackendJson(view, backend, now));
  const nlohmann::json state = {
      {"version", view.version},
      {"policy", view.policy},
      {"policies", PolicyNames()},
      {"write_routing", std::string(WriteRoutingName(view.write_routing))},
      {"generic", view.generic},
      {"cluster_id", absl::StrFormat("%016x", view.cluster_id)},
      {"leader", leader == nullptr ? "" : leader->name},
      {"leader_ballot_round", view.leader_ballot_round},
      {"minimum_in_use", MinimumInUse(view)},
      {"proxy",
       {{"client_connections", counters.client_connections},
        {"streams_open", counters.streams_open},
        {"calls_total", counters.calls_total},
        {"refusals_total", counters.refusals_total},
        {"replays_total", counters.replays_total},
        {"retries_total", counters.retries_total},
        {"connections_refused_total", counters.connections_refused_total},
        {"connections_punished_total", counters.connections_punished_total}}},
      {"backends", std::move(backends)},
  };
  // Names come from others; bytes that are no UTF-8 are replaced rather than thrown over.
  return state.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace synod::balancer
