#include "tests/scenarios/commands.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

// Small, so that a configuration is soon in force.
constexpr size_t kWindow = 4;

void Found(Cluster& cluster, Arguments& arguments) {
  Cluster::Options options;
  options.voters = static_cast<int>(arguments.Number());
  options.window = arguments.Skip("window") ? arguments.Number() : kWindow;
  options.founded = !arguments.Skip("unborn");
  if (!cluster.nodes().empty()) arguments.Fail("there are nodes already");
  if (options.voters > 9) arguments.Fail("more than 9 nodes cannot be followed by a reader");
  if (arguments.done()) cluster.Found(options);
}

void TickOnce(Cluster& cluster, const std::vector<NodeId>& nodes) {
  for (const NodeId node : nodes) {
    if (!cluster.at(node).down() && !cluster.at(node).paused()) cluster.at(node).Tick();
  }
}

void Tick(Cluster& cluster, Arguments& arguments) {
  std::vector<NodeId> nodes;
  if (arguments.Skip("all")) {
    nodes = cluster.nodes();
  } else {
    nodes.push_back(arguments.Running());
  }
  const uint64_t times = arguments.empty() ? 1 : arguments.Number();
  if (!arguments.done()) return;
  for (uint64_t i = 0; i < times; ++i) TickOnce(cluster, nodes);
}

void Campaign(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (!arguments.done()) return;
  if (!cluster.Campaign(node)) {
    cluster.transcript().Add(Level::kAnswer, absl::StrCat(NodeName(node), " does not try to lead"));
  }
}

void Elect(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (!arguments.done()) return;
  Transcript& transcript = cluster.transcript();
  const Level shown = transcript.Show(Level::kAnswer);
  const bool rests = cluster.Campaign(node) && cluster.Stabilize();
  transcript.Show(shown);
  const paxos::ReplicaStatus status = cluster.at(node).status();
  if (!rests || !status.leader_serves) {
    arguments.Fail(absl::StrCat(NodeName(node), " does not come to lead"));
    return;
  }
  transcript.Add(Level::kAnswer, absl::StrCat(NodeName(node), " serves at ballot ",
                                              BallotWord(status.leader_ballot)));
}

void Stabilize(Cluster& cluster, Arguments& arguments) {
  if (!arguments.done()) return;
  if (!cluster.Stabilize()) arguments.Fail("the cluster does not come to rest");
}

void Run(Cluster& cluster, Arguments& arguments) {
  const uint64_t ticks = arguments.Number();
  if (!arguments.done()) return;
  for (uint64_t i = 0; i < ticks; ++i) {
    TickOnce(cluster, cluster.nodes());
    if (!cluster.Stabilize()) return arguments.Fail("the cluster does not come to rest");
  }
}

void Deliver(Cluster& cluster, Arguments& arguments) {
  const MessageFilter filter = arguments.Filter();
  if (arguments.done()) cluster.Deliver(filter);
}

void Drop(Cluster& cluster, Arguments& arguments) {
  const MessageFilter filter = arguments.Filter();
  if (arguments.done()) cluster.Drop(filter);
}

void Repeat(Cluster& cluster, Arguments& arguments) {
  const MessageFilter filter = arguments.Filter();
  if (arguments.done()) cluster.network().Repeat(filter);
}

void Propose(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const std::string payload = arguments.Text();
  if (arguments.done()) cluster.at(node).Propose(payload);
}

void Read(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const uint64_t read_id = arguments.Number();
  if (arguments.done()) cluster.at(node).Read(read_id);
}

}  // namespace

std::vector<Command> DrivingCommands() {
  return {
      {"nodes COUNT [window SLOTS] [unborn]",
       "n1, n2, ... vote, and α is SLOTS (4); unborn: their logs have never met", Found},
      {"tick NODE|all [TIMES]", "time passes; nothing is delivered", Tick},
      {"run TICKS", "time passes for all, and everything is delivered after each tick", Run},
      {"campaign NODE", "time passes for this node until it probes", Campaign},
      {"elect NODE", "campaign and stabilize in one, and nothing shown but the end", Elect},
      {"deliver [FROM->TO] [KIND] [slot SLOT]",
       "what is under way and matches arrives; the answers stay under way", Deliver},
      {"drop [FROM->TO] [KIND] [slot SLOT]", "what is under way and matches is lost", Drop},
      {"repeat [FROM->TO] [KIND] [slot SLOT]", "what is under way and matches is so twice", Repeat},
      {"stabilize", "everything arrives, answers included, until nothing is under way", Stabilize},
      {"propose NODE WORD", "a client of this node writes", Propose},
      {"read NODE NUMBER", "a client of this node reads; the number names the read", Read},
  };
}

const std::vector<Command>& Commands() {
  static const auto& all = *new std::vector<Command>([] {
    std::vector<Command> commands = DrivingCommands();
    for (const auto& more : {MembershipCommands(), FaultCommands(), ShowingCommands()}) {
      commands.insert(commands.end(), more.begin(), more.end());
    }
    return commands;
  }());
  return all;
}

const Command* FindCommand(absl::string_view name) {
  const auto at = std::find_if(Commands().begin(), Commands().end(),
                               [&](const Command& command) { return command.name() == name; });
  return at == Commands().end() ? nullptr : &*at;
}

}  // namespace synod::scenarios
