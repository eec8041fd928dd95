#include "tests/sim/corruption_matrix.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::sim {
namespace {

// A dozen elections: whoever can be elected has been by then, and more than once.
constexpr int kPatience = 150;

constexpr char kFresh[] = "fresh";

MatrixState StateOf(const MatrixCase& c, int node) {
  MatrixState state;
  if (!c.HasState(node)) return state;
  state.applied = Slot(static_cast<uint64_t>(c.state_slots));
  for (Slot slot(1); slot <= state.applied; ++slot) {
    state.values[slot] = paxos::Value::OfCommands({{{NodeId(9), slot.value()}, "state"}});
  }
  return state;
}

bool IsFresh(const paxos::Value& value) {
  if (value.kind() != paxos::Value::Kind::kCommands) return false;
  const auto commands = value.Commands();
  return std::all_of(commands.begin(), commands.end(), [](const paxos::CommandView& command) {
    return absl::StartsWith(command.payload, kFresh);
  });
}

bool MayHold(const MatrixCase& c, Slot slot, const paxos::Value& value) {
  const int place = static_cast<int>(slot.value()) - c.state_slots;
  if (place <= 0) {
    return value == paxos::Value::OfCommands({{{NodeId(9), slot.value()}, "state"}});
  }
  if (place > c.slots()) return value.kind() != paxos::Value::Kind::kCommands || IsFresh(value);
  if (const auto chosen = ChosenIn(c, place)) return value == *chosen;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    if (IsNewVote(c.At(node, place)) && value == NewValue(c, place)) return true;
    if (IsOldVote(c.At(node, place)) && value == OldValue(place)) return true;
  }
  // Nobody may have seen a vote that was not chosen: then anything new may be here.
  return value.kind() != paxos::Value::Kind::kCommands || IsFresh(value);
}

// The nodes that run, and the messages between them.
class Cluster {
 public:
  using Nodes = std::array<std::unique_ptr<MatrixNode>, kMatrixNodes>;

  explicit Cluster(Nodes& nodes) : nodes_(nodes) {}

  // True when, after a while, everybody who runs has applied a new command.
  bool Work(const std::string& payload) {
    paxos::Ballot proposed_at;
    for (int tick = 0; tick < kPatience; ++tick) {
      for (const auto& node : nodes_) {
        if (node->running()) node->Tick();
      }
      Settle();
      const MatrixNode* leader = Leader();
      if (leader != nullptr && leader->status().leader_ballot != proposed_at) {
        proposed_at = leader->status().leader_ballot;
        Node(leader->id()).Propose(absl::StrCat(payload, " at ", tick));
        Settle();
      }
      if (AllHave(payload)) return true;
    }
    return false;
  }

 private:
  MatrixNode& Node(NodeId id) { return *nodes_[id.value() - 1]; }

  const MatrixNode* Leader() const {
    for (const auto& node : nodes_) {
      if (node->running() && node->status().leader_serves) return node.get();
    }
    return nullptr;
  }

  // And there are some.
  bool AllHave(const std::string& payload) const {
    const bool any =
        std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->running(); });
    return any && std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
             if (!node->running()) return true;
             const auto& values = node->state().values;
             return std::any_of(values.rbegin(), values.rend(), [&](const auto& entry) {
               return IsFresh(entry.second) &&
                      absl::StartsWith(entry.second.Commands().front().payload, payload);
             });
           });
  }

  void Settle() {
    std::deque<paxos::Message> network;
    const auto drive = [&](MatrixNode& node) {
      std::vector<paxos::Message> out;
      node.Drive([this](NodeId id) -> const MatrixNode& { return Node(id); }, out);
      std::move(out.begin(), out.end(), std::back_inserter(network));
    };
    for (const auto& node : nodes_) {
      if (node->running()) drive(*node);
    }
    for (int delivered = 0; !network.empty(); ++delivered) {
      SYNOD_CHECK(delivered < 100'000) << "the nodes never fall silent";
      paxos::Message message = std::move(network.front());
      network.pop_front();
      MatrixNode& node = Node(message.to);
      if (!node.running()) continue;
      node.Step(std::move(message));
      drive(node);
    }
  }

  Nodes& nodes_;
};

bool IsSafe(const MatrixCase& c, const Cluster::Nodes& nodes) {
  std::map<Slot, paxos::Value> agreed;
  for (const auto& node : nodes) {
    if (!node->running()) continue;
    for (const auto& [slot, value] : node->state().values) {
      const auto [first, inserted] = agreed.try_emplace(slot, value);
      if (!(first->second == value) || !MayHold(c, slot, value)) return false;
    }
  }
  return true;
}

Outcome Judge(bool safe, bool recovered, bool expected) {
  if (!safe) return Outcome::kUnsafe;
  if (recovered) return expected ? Outcome::kRecovered : Outcome::kMoreThanKnown;
  return expected ? Outcome::kNotRecovered : Outcome::kUnavailable;
}

}  // namespace

bool CorruptionMatrix::Start(const MatrixCase& c, int node, Nodes& nodes) {
  const absl::Status status = nodes[static_cast<size_t>(node - 1)]->Start();
  return c.MayStart(node) ? status.ok() : absl::IsDataLoss(status);
}

Outcome CorruptionMatrix::Run(const MatrixCase& c) {
  Nodes nodes;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    nodes[static_cast<size_t>(node - 1)] = std::make_unique<MatrixNode>(
        NodeId(static_cast<uint64_t>(node)), DiskOf(c, node), StateOf(c, node), forgets_);
  }
  Cluster cluster(nodes);
  bool started = true;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    if (c.IsUp(node)) started = Start(c, node, nodes) && started;
  }
  const bool recovered = cluster.Work(kFresh);
  const Outcome first = Judge(started && IsSafe(c, nodes), recovered, IsRecoverable(c));
  if (c.up == 7) return first;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    if (!c.IsUp(node)) started = Start(c, node, nodes) && started;
  }
  MatrixCase all = c;
  all.up = 7;
  const bool then_recovered = cluster.Work("fresh again");
  const Outcome second =
      Judge(started && IsSafe(c, nodes), then_recovered, recovered || IsRecoverable(all));
  return second > Outcome::kUnavailable ? std::max(first, second) : first;
}

}  // namespace synod::sim
