#include "tests/sim/run.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/nemesis.h"
#include "tests/sim/observer.h"
#include "tests/sim/say.h"
#include "tests/sim/spotter.h"
#include "tests/sim/swarm.h"
#include "tests/sim/witness.h"

namespace synod::sim {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

// A run that needs more has a livelock that costs no virtual time.
constexpr uint64_t kMaxEvents = 20'000'000;

class Cluster {
 public:
  Cluster(const RunSpec& spec, std::ostream* trace)
      : random_(spec.seed),
        options_(DrawRunOptions(random_.Fork())),
        world_(trace),
        network_(world_, options_.network, random_.Fork(), options_.nodes),
        observer_(world_, options_.nodes),
        spotter_(world_),
        nemesis_(world_, network_, nodes_) {
    options_.node.plant = spec.plant;
    if (trace != nullptr) *trace << "seed=" << spec.seed << " " << DescribeRun(options_) << "\n";
    MakeNodes();
    if (spec.schedule) options_.schedule = *spec.schedule;
    for (int i = 0; i < options_.clients; ++i) {
      clients_.push_back(
          std::make_unique<Client>(world_, nodes_, history_, i, options_.client, random_.Fork()));
    }
  }

  void Live() {
    for (const auto& node : nodes_) node->Start();
    for (const auto& client : clients_) client->Start();
    nemesis_.Start(options_.schedule);
    RunFor(options_.faulty_time);
    const uint64_t core = ChooseCore();
    HealCore(core);
    ExpectProgress(core);
    HealAll();
    ExpectConvergence();
    Judge();
  }

  RunResult Result(uint64_t seed) const {
    RunResult result;
    result.seed = seed;
    result.failure = world_.verdict.failure();
    result.trace_hash = world_.trace.hash();
    result.events = world_.loop.executed();
    result.simulated = world_.loop.now();
    result.schedule = options_.schedule;
    result.coverage = world_.coverage;
    result.faults = nemesis_.injected();
    result.disturbed = network_.disturbed();
    result.elections = observer_.elections();
    result.chosen_slots = observer_.chosen_slots();
    result.operations = history_.size();
    for (const auto& client : clients_) result.succeeded += client->succeeded();
    result.search = search_;
    result.recovery_timeouts = recovery_timeouts_;
    return result;
  }

 private:
  void MakeNodes() {
    std::vector<NodeId> voters;
    for (int i = 1; i <= options_.nodes; ++i) voters.emplace_back(i);
    for (const NodeId voter : voters) {
      NodeOptions node = options_.node;
      node.replica.group = kGroup;
      node.replica.self = voter;
      node.voters = voters;
      node.tick *= 1 + options_.clock_drift * (2 * random_.Unit() - 1);
      nodes_.push_back(std::make_unique<Node>(world_,
                                              Node::Surroundings{network_, observer_, spotter_},
                                              std::move(node), random_.Fork()));
    }
  }

  // Until `done` or `time` has passed or a rule is broken; true when done.
  template <class Done>
  bool RunUntil(absl::Duration time, Done done) {
    const absl::Duration end = world_.loop.now() + time;
    while (!world_.verdict.failed() && world_.loop.now() < end) {
      if (done()) return true;
      if (!world_.loop.RunOne()) break;
      if (world_.loop.executed() > kMaxEvents) world_.verdict.Fail("too many events");
    }
    return false;
  }
  void RunFor(absl::Duration time) {
    RunUntil(time, [] { return false; });
  }

  absl::Duration ElectionTimeout() const {
    return 1.5 * (1 + options_.clock_drift) * options_.node.replica.election_ticks *
           options_.node.tick;
  }

  // Time enough for old messages to arrive, for a slow sync to end, for a few elections, and for
  // a node that flushed nothing to apply everything again.
  absl::Duration Patience() const {
    return 40 * ElectionTimeout() + 4 * options_.network.clog_time +
           5000 * options_.node.sync_latency +
           2 * static_cast<double>(observer_.chosen_slots()) * options_.node.applier.latency +
           absl::Seconds(10);
  }

  uint64_t ChooseCore() {
    std::vector<uint64_t> ids;
    for (const auto& node : nodes_) ids.push_back(node->id().value());
    for (size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random_.Below(i)]);
    uint64_t core = 0;
    for (size_t i = 0; i < ids.size() / 2 + 1; ++i) core |= uint64_t{1} << ids[i];
    return core;
  }

  static bool In(uint64_t core, NodeId node) { return (core >> node.value() & 1) != 0; }

  void HealCore(uint64_t core) {
    world_.Note(NodeId(), "heal-core", {{"core", core}});
    nemesis_.Stop();
    nemesis_.Heal(core);
    network_.Calm();
    for (const auto& a : nodes_) {
      for (const auto& b : nodes_) {
        if (a != b && In(core, a->id()) != In(core, b->id())) {
          network_.Cut(a->id(), b->id());
        }
      }
    }
    // The barriers are work enough: clients could outrun a slow replica for as long as they like.
    for (const auto& client : clients_) client->Stop();
  }

  // Writes at `node`, again and again until one write is answered.
  void Barrier(Node& node, std::shared_ptr<bool> answered) {
    const size_t index = history_.size();
    Operation& operation = history_.emplace_back();
    operation.client = -1;
    operation.node = node.id();
    operation.sent = world_.loop.now();
    kv::PutRequest put;
    put.key = Say("barrier", node.id());
    put.value = Say(index);
    operation.body = WriteOperation{put, {}, {}};
    const paxos::CommandId command = node.Write(put, [this, index, answered](WriteReply reply) {
      if (reply.outcome == Outcome::kOk) {
        history_[index].answered = world_.loop.now();
        if (!std::exchange(*answered, true)) ++barriers_passed_;
      }
      std::get<WriteOperation>(history_[index].body).reply = std::move(reply);
    });
    std::get<WriteOperation>(history_[index].body).command = command;
    world_.loop.After(ElectionTimeout(), [this, &node, answered] {
      if (!*answered) Barrier(node, answered);
    });
  }

  void ExpectProgress(uint64_t core) {
    int wanted = 0;
    const absl::Duration start = world_.loop.now();
    for (const auto& node : nodes_) {
      if (!In(core, node->id())) continue;
      ++wanted;
      Barrier(*node, std::make_shared<bool>(false));
    }
    if (!RunUntil(Patience(), [&] { return barriers_passed_ >= wanted; })) {
      world_.verdict.Fail(
          Say("L1: a healed majority makes no progress within ", absl::FormatDuration(Patience())));
    }
    recovery_timeouts_ = absl::FDivDuration(world_.loop.now() - start, ElectionTimeout());
  }

  void HealAll() {
    world_.Note(NodeId(), "heal-all", {});
    nemesis_.Heal(kAll);
  }

  bool Converged() const {
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    for (const auto& node : nodes_) {
      if (node->applied().value() != observer_.chosen_slots()) return false;
    }
    return true;
  }

  void ExpectConvergence() {
    if (!RunUntil(Patience(), [this] { return Converged(); })) {
      std::string where;
      for (const auto& node : nodes_) where += Say(" ", node->applied());
      world_.verdict.Fail(Say("L2: healed nodes do not converge within ",
                              absl::FormatDuration(Patience()), "; chosen ",
                              observer_.chosen_slots(), ", applied", where));
    }
  }

  void Judge() {
    if (world_.verdict.failed()) return;
    const auto hash = nodes_[0]->StateHash();
    for (const auto& node : nodes_) {
      const auto other = node->StateHash();
      if (!hash.ok() || !other.ok() || *hash != *other) {
        world_.verdict.Fail(Say("E1: nodes 1 and ", node->id(), " hold different states"));
      }
    }
    for (const Operation& operation : history_) {
      const auto* write = std::get_if<WriteOperation>(&operation.body);
      if (write != nullptr && write->reply.outcome == Outcome::kAmbiguous &&
          observer_.Chose(write->command)) {
        world_.coverage.Saw(Situation::kAmbiguousWriteDone);
      }
    }
    if (std::string wrong = CheckHistory(observer_.ChosenLog(), history_); !wrong.empty()) {
      world_.verdict.Fail(std::move(wrong));
    }
    search_ = SearchLinearization(history_, SearchLimits());
    if (search_ == SearchOutcome::kNotLinearizable) {
      world_.verdict.Fail("W5: no order of the operations explains the answers");
    }
  }

  Random random_;
  RunOptions options_;
  World world_;
  Network network_;
  Observer observer_;
  Spotter spotter_;
  History history_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Nemesis nemesis_;
  std::vector<std::unique_ptr<Client>> clients_;
  int barriers_passed_ = 0;
  double recovery_timeouts_ = 0;
  SearchOutcome search_ = SearchOutcome::kTooLong;
};

}  // namespace

Schedule ScheduleOf(uint64_t seed) {
  Random random(seed);
  return DrawRunOptions(random.Fork()).schedule;
}

RunResult Run(const RunSpec& spec, std::ostream* trace) {
  Cluster cluster(spec, trace);
  cluster.Live();
  return cluster.Result(spec.seed);
}

}  // namespace synod::sim
