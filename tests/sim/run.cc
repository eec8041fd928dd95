#include "tests/sim/run.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/balancer.h"
#include "tests/sim/barriers.h"
#include "tests/sim/client.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/observer.h"
#include "tests/sim/operator.h"
#include "tests/sim/say.h"
#include "tests/sim/spotter.h"
#include "tests/sim/swarm.h"
#include "tests/sim/witness.h"

namespace synod::sim {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

// A run that needs more has a livelock that costs no virtual time.
constexpr uint64_t kMaxEvents = 20'000'000;

// Within so many election timeouts somebody must lead once a majority is connected.
constexpr double kLeaderTimeouts = 5;

// What random numbers are drawn from for balancers, apart from the others.
constexpr uint64_t kBalancerStream = 0xd0045;

RunOptions DrawOptions(uint64_t seed, Random random) {
  RunOptions options = DrawRunOptions(std::move(random));
  DrawBalancers(seed, options);
  return options;
}

class Cluster {
 public:
  Cluster(const RunSpec& spec, std::ostream* trace)
      : random_(spec.seed),
        options_(DrawOptions(spec.seed, random_.Fork())),
        world_(trace),
        network_(world_, options_.network, random_.Fork(), options_.nodes + options_.spares),
        observer_(world_, options_.nodes + options_.spares, options_.nodes,
                  options_.node.replica.window),
        spotter_(world_),
        barriers_(world_, history_),
        operator_(world_, observer_, nodes_, options_.nodes, options_.frail),
        nemesis_(world_, network_, operator_, nodes_, balancers_) {
    options_.node.plant = spec.plant;
    if (trace != nullptr) *trace << "seed=" << spec.seed << " " << DescribeRun(options_) << "\n";
    MakeNodes();
    MakeBalancers(Random(spec.seed ^ kBalancerStream));
    if (spec.schedule) options_.schedule = *spec.schedule;
    for (int i = 0; i < options_.clients; ++i) {
      clients_.push_back(
          std::make_unique<Client>(world_, Client::Surroundings{nodes_, balancers_, history_}, i,
                                   options_.client, random_.Fork()));
    }
  }

  void Live() {
    for (int i = 0; i < options_.nodes; ++i) nodes_[static_cast<size_t>(i)]->Start();
    for (const auto& balancer : balancers_) balancer->Start();
    for (const auto& client : clients_) client->Start();
    nemesis_.Start(options_.schedule);
    RunFor(options_.faulty_time);
    const uint64_t core = ChooseCore();
    HealCore(core);
    if (ExpectProgress(core)) {
      HealAll();
      ExpectConvergence();
      CompareStates();
    }
    JudgeHistory();
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
    result.stillborn = stillborn_;
    result.search = search_;
    result.waited_for_snapshots = waited_for_snapshots_;
    result.leader_timeouts = leader_timeouts_;
    result.recovery_timeouts = recovery_timeouts_;
    return result;
  }

 private:
  void MakeNodes() {
    std::vector<NodeId> voters;
    for (int i = 1; i <= options_.nodes; ++i) voters.emplace_back(i);
    for (int i = 1; i <= options_.nodes + options_.spares; ++i) {
      NodeOptions node = options_.node;
      node.replica.group = kGroup;
      node.replica.self = NodeId(static_cast<uint64_t>(i));
      if (i <= options_.nodes) node.voters = voters;
      node.applier.window = node.replica.window;
      node.tick *= 1 + options_.clock_drift * (2 * random_.Unit() - 1);
      nodes_.push_back(
          std::make_unique<Node>(world_, Node::Surroundings{network_, observer_, spotter_, nodes_},
                                 std::move(node), random_.Fork()));
      // Whoever has lost its state and the log's beginning asks whom the flags name.
      std::vector<NodeId> others = voters;
      std::erase(others, NodeId(static_cast<uint64_t>(i)));
      nodes_.back()->SetContacts(std::move(others));
    }
  }

  void MakeBalancers(Random random) {
    options_.balancer.plant = options_.node.plant;
    for (int i = 0; i < options_.balancers; ++i) {
      balancers_.push_back(
          std::make_unique<Balancer>(world_, Balancer::Surroundings{nodes_, balancers_, history_},
                                     options_.balancer, random.Fork()));
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

  // Voters of the newest configuration whose disks are sound.
  std::vector<uint64_t> SoundVoters() const {
    std::vector<uint64_t> ids;
    for (const NodeId voter : observer_.latest().voters) {
      if (!In(options_.frail, voter)) ids.push_back(voter.value());
    }
    return ids;
  }

  // Nodes that could make progress without the others: a majority, or all when more may be needed
  // (a change of configuration is under way, or a log has never voted: founding.h).
  uint64_t ChooseCore() {
    std::vector<uint64_t> ids = SoundVoters();
    const size_t majority = observer_.latest().voters.size() / 2 + 1;
    if (!observer_.Settled() || ids.size() < majority) return kAll;
    for (size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random_.Below(i)]);
    uint64_t core = 0;
    for (size_t i = 0; i < majority; ++i) {
      core |= uint64_t{1} << ids[i];
      if (!nodes_[ids[i] - 1]->founded()) return kAll;
    }
    return core;
  }

  // Whoever has been left out is told so, as an operator would by stopping it.
  void RetireOutsiders() {
    if (!observer_.Settled()) return;
    for (const auto& node : nodes_) {
      if (node->started() && !IsMember(*node)) node->Retire();
    }
  }
  bool IsMember(const Node& node) const {
    const std::vector<NodeId>& members = observer_.latest().members;
    return std::find(members.begin(), members.end(), node.id()) != members.end();
  }
  // Must have everything in the end.
  bool MustConverge(const Node& node) const {
    return IsMember(node) && node.started() && !node.wiped() && !node.retired();
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
    ReseedBalancers(core);
    // The barriers are work enough: clients could outrun a slow replica for as long as they like.
    for (const auto& client : clients_) client->Stop();
  }

  // A balancer that started when all whom its flags name had left finds nobody by itself: its
  // operator tells it whom to ask.
  void ReseedBalancers(uint64_t core) {
    const std::vector<NodeId>& voters = observer_.latest().voters;
    for (const auto& balancer : balancers_) {
      if (std::none_of(voters.begin(), voters.end(),
                       [&](NodeId voter) { return In(core, voter) && balancer->Follows(voter); })) {
        balancer->AddSeeds(voters);
      }
    }
  }

  // Every one of `asked` that is still a sound voter.
  bool AllAnswered(uint64_t asked) const {
    for (const uint64_t id : SoundVoters()) {
      const Node& node = *nodes_[id - 1];
      if (In(asked, NodeId(id)) && !barriers_.Passed(node) && !node.retired()) return false;
    }
    return true;
  }
  bool AllBalanced() const {
    return std::all_of(balancers_.begin(), balancers_.end(),
                       [this](const auto& balancer) { return barriers_.Passed(*balancer); });
  }

  bool SomebodyServes(uint64_t core) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      const std::optional<paxos::ReplicaStatus> status = node->Status();
      return In(core, node->id()) && status && status->leader_serves;
    });
  }

  // A minority of the founders lost their disks before the others had met all of them or been named
  // by a leader. Those who are left cannot tell that they never voted, and never will (founding.h);
  // such a cluster has to be made anew. No leader may be expected of it.
  bool Stillborn() const {
    if (observer_.latest().chosen_at) return false;
    size_t may_vote = 0;
    bool somebody_lost = false;
    for (const NodeId voter : observer_.latest().voters) {
      const Node& node = *nodes_[voter.value() - 1];
      somebody_lost = somebody_lost || (node.wiped() && node.retired());
      if (node.founded() && !node.wiped()) ++may_vote;
    }
    return somebody_lost && may_vote < observer_.latest().voters.size() / 2 + 1;
  }

  // When nothing that began among the faults keeps anybody waiting: what the network had held up
  // has arrived, and slow disks are done.
  absl::Duration ClearAt(uint64_t core) const {
    absl::Duration clear = std::max(world_.loop.now(), network_.busy_until());
    for (const auto& node : nodes_) {
      if (In(core, node->id())) clear = std::max(clear, node->disk_busy_until());
    }
    return clear;
  }

  // Too few voters of the core are left without those who fetch a snapshot: nobody votes in slots
  // far above what it knows (configuration.h).
  bool WaitsForSnapshots(uint64_t core) const {
    const std::vector<NodeId>& voters = observer_.latest().voters;
    size_t ready = 0;
    bool some_fetch = false;
    for (const NodeId voter : voters) {
      const Node& node = *nodes_[voter.value() - 1];
      if (!In(core, voter) || !node.running()) continue;
      some_fetch = some_fetch || node.fetching();
      if (!node.fetching()) ++ready;
    }
    return some_fetch && ready < voters.size() / 2 + 1;
  }

  // False when none can be expected.
  bool ExpectProgress(uint64_t core) {
    const absl::Duration start = world_.loop.now();
    uint64_t asked = 0;  // who becomes a voter later has no barrier
    for (const uint64_t id : SoundVoters()) {
      if (!In(core, NodeId(id))) continue;
      asked |= uint64_t{1} << id;
      barriers_.Begin(*nodes_[id - 1], ElectionTimeout());
    }
    // A balancer need not find a good node at once.
    for (const auto& balancer : balancers_) {
      barriers_.Begin(*balancer, ElectionTimeout() + absl::Milliseconds(100));
    }
    const absl::Duration quiet = ClearAt(core);
    absl::Duration clear = quiet;
    const auto serves = [&] {
      if (WaitsForSnapshots(core)) clear = std::max(clear, world_.loop.now());
      return SomebodyServes(core);
    };
    if (!RunUntil(Patience(), serves) && Stillborn()) {
      stillborn_ = true;
      return false;
    }
    const auto timeouts_since = [this](absl::Duration time) {
      return std::max(0.0, absl::FDivDuration(world_.loop.now() - time, ElectionTimeout()));
    };
    leader_timeouts_ = timeouts_since(clear);
    waited_for_snapshots_ = timeouts_since(quiet) > kLeaderTimeouts;
    if (leader_timeouts_ > kLeaderTimeouts) {
      world_.verdict.Fail(Say("L3: a healed majority has no leader after ", leader_timeouts_,
                              " election timeouts"));
    }
    if (!RunUntil(Patience(), [&] { return AllAnswered(asked); })) {
      world_.verdict.Fail(
          Say("L1: a healed majority makes no progress within ", absl::FormatDuration(Patience())));
    }
    if (!RunUntil(Patience(), [this] { return AllBalanced(); })) {
      world_.verdict.Fail(Say("L4: a healed majority serves no write through a balancer within ",
                              absl::FormatDuration(Patience())));
    }
    recovery_timeouts_ = absl::FDivDuration(world_.loop.now() - start, ElectionTimeout());
    return true;
  }

  void HealAll() {
    world_.Note(NodeId(), "heal-all", {});
    nemesis_.Heal(kAll);
    RetireOutsiders();
  }

  bool Converged() const {
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    // A late change of configuration may still come to be; then others must converge.
    for (const auto& node : nodes_) {
      if (MustConverge(*node) && node->applied().value() != observer_.chosen_slots()) return false;
    }
    return true;
  }

  void ExpectConvergence() {
    if (!RunUntil(Patience(), [this] { return Converged(); })) {
      std::string where;
      for (const auto& node : nodes_) {
        if (MustConverge(*node)) where += Say(" node ", node->id(), " ", node->applied());
      }
      world_.verdict.Fail(Say("L2: healed nodes do not converge within ",
                              absl::FormatDuration(Patience()), "; chosen ",
                              observer_.chosen_slots(), ", applied", where));
    }
  }

  void CompareStates() {
    if (world_.verdict.failed()) return;
    const Node* first = nullptr;
    for (const auto& node : nodes_) {
      if (!MustConverge(*node)) continue;
      if (first == nullptr) first = node.get();
      const auto hash = first->StateHash();
      const auto other = node->StateHash();
      if (!hash.ok() || !other.ok() || *hash != *other) {
        world_.verdict.Fail(
            Say("E1: nodes ", first->id(), " and ", node->id(), " hold different states"));
      }
    }
  }

  void JudgeHistory() {
    if (world_.verdict.failed()) return;
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
  std::vector<std::unique_ptr<Balancer>> balancers_;
  Barriers barriers_;
  Operator operator_;
  Nemesis nemesis_;
  std::vector<std::unique_ptr<Client>> clients_;
  bool stillborn_ = false;
  bool waited_for_snapshots_ = false;
  double leader_timeouts_ = 0;
  double recovery_timeouts_ = 0;
  SearchOutcome search_ = SearchOutcome::kTooLong;
};

}  // namespace

Schedule ScheduleOf(uint64_t seed) {
  Random random(seed);
  return DrawOptions(seed, random.Fork()).schedule;
}

RunResult Run(const RunSpec& spec, std::ostream* trace) {
  Cluster cluster(spec, trace);
  cluster.Live();
  return cluster.Result(spec.seed);
}

}  // namespace synod::sim
