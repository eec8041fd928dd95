#include "tests/sim/swarm.h"

#include <algorithm>
#include <array>

#include "balancer/policies/policy.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

template <class T, size_t N>
T OneOf(Random& random, const std::array<T, N>& choices) {
  return choices[random.Below(N)];
}

NodeOptions DrawNode(Random& random) {
  NodeOptions node;
  node.tick = absl::Milliseconds(OneOf<int>(random, std::array{10, 20, 50, 100}));
  node.replica.heartbeat_ticks = static_cast<int>(random.Between(1, 3));
  node.replica.election_ticks =
      node.replica.heartbeat_ticks * static_cast<int>(random.Between(4, 12));
  node.replica.log_stall_ticks = 2 * node.replica.election_ticks;
  node.replica.window = OneOf<size_t>(random, std::array<size_t, 4>{1, 4, 32, 128});
  node.replica.max_batch_bytes = OneOf<size_t>(random, std::array<size_t, 3>{64, 1024, 8192});
  node.replica.max_promise_bytes = node.replica.max_batch_bytes;
  node.replica.max_pending_bytes =
      OneOf<size_t>(random, std::array<size_t, 3>{512, 64 << 10, 64 << 20});
  node.replica.max_pending_reads = OneOf<size_t>(random, std::array<size_t, 3>{1, 16, 4096});
  node.applier.max_slots = OneOf<size_t>(random, std::array<size_t, 3>{1, 4, 64});
  node.applier.latency = DrawBetween(random, absl::Microseconds(50), absl::Milliseconds(20));
  node.applier.flush_chance = OneOf<double>(random, std::array{0.5, 0.1, 0.01, 0.0});
  node.sync_latency = DrawBetween(random, absl::Microseconds(100), node.tick / 4);
  if (random.Chance(0.5)) node.ready_delay = absl::Microseconds(random.Between(10, 2000));
  node.cut_chance = OneOf<double>(random, std::array{0.0, 0.005, 0.05});
  if (random.Chance(0.5)) node.cut_own_chance = OneOf<double>(random, std::array{0.1, 1.0});
  node.snapshot.patience = 20 * node.tick + DrawBetween(random, node.tick / 4, 20 * node.tick);
  node.segment_bytes = OneOf<uint64_t>(random, std::array<uint64_t, 2>{32 << 10, 256 << 10});
  return node;
}

NetworkOptions DrawNetwork(Random& random, absl::Duration tick) {
  NetworkOptions network;
  network.latency = DrawBetween(random, absl::Microseconds(100), tick / 2);
  if (random.Chance(0.5)) network.loss = OneOf<double>(random, std::array{0.001, 0.02, 0.1});
  if (random.Chance(0.5)) network.duplication = OneOf<double>(random, std::array{0.01, 0.1, 0.5});
  if (random.Chance(0.5)) network.clog = OneOf<double>(random, std::array{0.001, 0.02});
  network.clog_time = tick * static_cast<int64_t>(random.Between(5, 100));
  network.ordered = random.Chance(0.3);
  network.uneven = random.Chance(0.3);
  return network;
}

ClientOptions DrawClient(Random& random) {
  ClientOptions client;
  client.think_time = absl::Milliseconds(OneOf<int>(random, std::array{1, 20, 100}));
  client.deadline = absl::Milliseconds(OneOf<int>(random, std::array{500, 2000, 5000}));
  client.keys = static_cast<int>(random.Between(1, 12));
  client.reads = OneOf<double>(random, std::array{0.1, 0.5, 0.9});
  client.move = OneOf<double>(random, std::array{0.0, 0.1, 1.0});
  client.max_value_bytes = OneOf<size_t>(random, std::array<size_t, 3>{0, 64, 2000});
  return client;
}

uint64_t DrawMinority(Random& random, int nodes) {
  uint64_t minority = 0;
  for (int left = (nodes - 1) / 2; left > 0; --left) {
    minority |= uint64_t{1} << random.Between(1, static_cast<uint64_t>(nodes));
  }
  return minority;
}

// Few enough operations for the search check, spread over the faults.
void MakeShort(RunOptions& options) {
  constexpr int kOperations = 240;
  options.client.max_operations = static_cast<uint64_t>(kOperations / options.clients);
  options.client.think_time = 0.8 * options.clients * options.faulty_time / kOperations;
}

// Streams last some seconds at most.
SnapshotOptions DrawSnapshot(Random& random, SnapshotOptions snapshot) {
  snapshot.chunk_bytes = OneOf<size_t>(random, std::array<size_t, 3>{700, 4096, 1 << 20});
  snapshot.pace = DrawBetween(random, absl::Microseconds(10),
                              absl::Milliseconds(snapshot.chunk_bytes < 4096 ? 2 : 10));
  snapshot.keep = absl::Milliseconds(OneOf<int>(random, std::array{20, 1000, 30'000}));
  snapshot.reads_linger = DrawBetween(random, absl::Microseconds(10), absl::Milliseconds(500));
  return snapshot;
}

// Everybody who was away needs a snapshot.
void CutOften(NodeOptions& node) {
  node.cut_chance = 0.1;
  node.cut_own_chance = 1;
  node.segment_bytes = 16 << 10;
  node.applier.flush_chance = 0.5;
}

// Later faults have a draw of their own, so that seeds keep the meaning they had before these were.
void AddLaterFaults(ScheduleOptions faults, Random& random, Schedule& schedule) {
  faults.allowed = random.Below(uint64_t{1} << (kFaults - kStateFaults)) << kStateFaults;
  faults.interval = DrawBetween(random, absl::Milliseconds(300), absl::Seconds(2));
  const Schedule later = DrawSchedule(faults, random.Fork());
  schedule.insert(schedule.end(), later.begin(), later.end());
  std::stable_sort(schedule.begin(), schedule.end(),
                   [](const PlannedFault& a, const PlannedFault& b) { return a.at < b.at; });
}

}  // namespace

RunOptions DrawRunOptions(Random random) {
  RunOptions options;
  Random later = Random(random).Fork();
  options.nodes = OneOf<int>(random, std::array{1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7});
  options.clients = static_cast<int>(random.Between(1, 8));
  options.node = DrawNode(random);
  if (random.Chance(0.5)) options.clock_drift = 0.2;
  options.network = DrawNetwork(random, options.node.tick);
  options.client = DrawClient(random);
  options.node.request_timeout = options.client.deadline;
  options.faulty_time = absl::Seconds(random.Between(10, 30));
  if (random.Chance(0.25)) MakeShort(options);
  ScheduleOptions faults;
  faults.length = options.faulty_time;
  faults.allowed = random.Below(uint64_t{1} << kClusterFaults);
  faults.interval = DrawBetween(random, absl::Milliseconds(200), absl::Seconds(2));
  faults.duration = DrawBetween(random, options.node.tick, absl::Seconds(4));
  const uint64_t operated = (faults.allowed >> static_cast<int>(Fault::kAddMember)) & 7;
  if (operated != 0) options.spares = static_cast<int>(random.Between(0, 3));
  faults.nodes = options.nodes + options.spares;
  if (random.Chance(0.5)) options.frail = DrawMinority(random, options.nodes);
  faults.frail = options.frail;
  options.schedule = DrawSchedule(faults, random.Fork());
  AddLaterFaults(faults, later, options.schedule);
  options.node.snapshot = DrawSnapshot(later, options.node.snapshot);
  if (later.Chance(0.2)) CutOften(options.node);
  if (later.Chance(0.4)) options.client.compactions = later.Chance(0.5) ? 0.1 : 0.01;
  return options;
}

void DrawBalancers(uint64_t seed, RunOptions& options) {
  // Of this stream the seeds that are kept as tests (CMakeLists.txt) draw no balancers.
  constexpr uint64_t kStream = 0x4700000;
  Random random(seed ^ kStream);
  if (!random.Chance(0.4)) return;
  options.balancers = static_cast<int>(random.Between(1, 2));
  const std::vector<std::string> policies = balancer::PolicyNames();
  options.balancer.settings.policy = policies[random.Below(policies.size())];
  if (random.Chance(0.3)) {
    options.balancer.settings.write_routing = balancer::WriteRouting::kPolicy;
  }
  options.balancer.seeds = options.nodes;
  options.balancer.latency = DrawBetween(random, absl::Microseconds(50), absl::Milliseconds(5));
  options.client.monotonic = random.Chance(0.7);
  if (random.Chance(0.5)) options.client.serializable = 0.5;
  ScheduleOptions faults;
  faults.length = options.faulty_time;
  faults.allowed = random.Below(uint64_t{1} << (kStateFaults - kClusterFaults)) << kClusterFaults;
  faults.interval = DrawBetween(random, absl::Seconds(1), absl::Seconds(5));
  faults.duration = DrawBetween(random, absl::Milliseconds(100), absl::Seconds(4));
  faults.nodes = options.nodes + options.spares;
  const Schedule drawn = DrawSchedule(faults, random.Fork());
  options.schedule.insert(options.schedule.end(), drawn.begin(), drawn.end());
  std::stable_sort(options.schedule.begin(), options.schedule.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

std::string DescribeRun(const RunOptions& options) {
  return Say("nodes=", options.nodes, " clients=", options.clients,
             " balancers=", options.balancers, " policy=", options.balancer.settings.policy,
             " tick=", absl::FormatDuration(options.node.tick),
             " election_ticks=", options.node.replica.election_ticks,
             " window=", options.node.replica.window,
             " latency=", absl::FormatDuration(options.network.latency),
             " sync=", absl::FormatDuration(options.node.sync_latency),
             " loss=", options.network.loss, " duplication=", options.network.duplication,
             " clog=", options.network.clog, " faults=", options.schedule.size());
}

}  // namespace synod::sim
