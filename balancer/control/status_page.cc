#include "balancer/control/status_page.h"

namespace synod::balancer {
namespace {

// All values go in by textContent: names and reasons come from others.
constexpr absl::string_view kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synod balancer</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #888; }
  body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.3rem; margin: 0 0 1rem; }
  #facts { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin-bottom: 1.4rem; }
  #facts div span { display: block; color: var(--soft); font-size: .8rem; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line);
           vertical-align: top; }
  th { color: var(--soft); font-weight: 500; font-size: .8rem; white-space: nowrap; }
  .n { text-align: right; white-space: nowrap; }
  .reason { color: var(--soft); font-size: .85rem; max-width: 26rem; }
  .ready { color: #1a8f4c; } .connecting { color: #b07800; } .draining { color: #6a6ad0; }
  .unhealthy, .ejected { color: #c8372d; }
  .state::before { content: "\25CF\00A0"; }
  #error { color: #c8372d; min-height: 1.4em; }
  footer { color: var(--soft); font-size: .85rem; margin-top: 1.2rem; }
</style>
</head>
<body>
<h1>Synod balancer</h1>
<div id="facts"></div>
<div class="scroll"><table>
<thead><tr><th>backend<th>state<th class="n">calls/s<th class="n">in flight<th class="n">calls
<th class="n">failures<th class="n">read<th class="n">write<th class="n">weight
<th class="n">applied slot<th class="n">quorum heard</tr></thead>
<tbody id="backends"></tbody>
</table></div>
<p id="error"></p>
<footer>read and write: peak-weighted latency until the first response header.
Also here: <a href="/state">/state</a> <a href="/metrics">/metrics</a> <a href="/readyz">/readyz</a></footer>
<noscript>This page needs JavaScript; the same facts are at <a href="/state">/state</a>.</noscript>
<script>
const byId = id => document.getElementById(id);
const count = n => Number(n).toLocaleString("en");
const micros = v => v === null ? "–" : v < 1000 ? v.toFixed(0) + " µs" : (v / 1000).toFixed(1) + " ms";
const millis = v => v < 1000 ? v + " ms" : (v / 1000).toFixed(1) + " s";
let last = null;

function element(tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

function fact(label, value) {
  const node = document.createElement("div");
  node.append(element("span", label), value);
  return node;
}

function rate(total, before, seconds) {
  return before === undefined ? "–" : count(Math.max(0, (total - before) / seconds).toFixed(0));
}

function row(backend, before, seconds) {
  const node = document.createElement("tr");
  const name = element("td", "");
  name.append(element("strong", backend.name), backend.leader ? " leader" : "");
  if (backend.role && backend.role !== "voter") name.append(" " + backend.role);
  if (backend.name !== backend.address) name.append(element("div", backend.address, "reason"));
  const state = element("td", "");
  state.append(element("span", backend.state, "state " + backend.state));
  if (backend.reason) state.append(element("div", backend.reason, "reason"));
  node.append(name, state);
  for (const text of [rate(backend.calls_total, before, seconds), count(backend.calls_in_flight),
      count(backend.calls_total), count(backend.failures_total), micros(backend.read_latency_us),
      micros(backend.write_latency_us), backend.weight === null ? "–" : count(backend.weight),
      backend.applied_slot ? count(backend.applied_slot) : "–",
      backend.applied_slot ? millis(backend.quorum_contact_age_ms) + " ago" : "–"]) {
    node.append(element("td", text, "n"));
  }
  return node;
}

function show(state, at) {
  const seconds = last ? (at - last.at) / 1000 : 1;
  const before = {};
  for (const backend of last ? last.state.backends : []) before[backend.address] = backend.calls_total;
  byId("facts").replaceChildren(
    fact("policy", state.policy),
    fact("writes go to", state.generic ? "any backend" : state.write_routing === "leader"
      ? "the leader, " + (state.leader || "unknown") : "any backend"),
    fact("cluster", state.generic ? "generic: any gRPC service"
      : state.cluster_id + ", ballot round " + state.leader_ballot_round),
    fact("calls/s", rate(state.proxy.calls_total, last ? last.state.proxy.calls_total : undefined, seconds)),
    fact("calls under way", count(state.proxy.streams_open)),
    fact("client connections", count(state.proxy.client_connections)),
    fact("refused here", count(state.proxy.refusals_total)),
    fact("replayed", count(state.proxy.replays_total)));
  byId("backends").replaceChildren(
    ...state.backends.map(backend => row(backend, before[backend.address], seconds)));
  last = { state, at };
}

async function refresh() {
  try {
    const response = await fetch("/state", { cache: "no-store" });
    show(await response.json(), performance.now());
    byId("error").textContent = "";
  } catch (error) {
    byId("error").textContent = "The balancer does not answer (" + error.message + "); what is above is old.";
  }
  setTimeout(refresh, 1000);
}
refresh();
</script>
</body>
</html>
)html";

}  // namespace

absl::string_view StatusPageHtml() {
  return kPage;
}

}  // namespace synod::balancer
