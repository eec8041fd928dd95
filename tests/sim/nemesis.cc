#include "tests/sim/nemesis.h"

#include <array>
#include <utility>

namespace synod::sim {
namespace {

// In the order of Fault.
constexpr std::array<const char*, kFaults> kFaultNames = {"kill",        "power-loss",  "blackout",
                                                          "pause",       "slow-disk",   "partition",
                                                          "one-way-cut", "partial-cut", "isolate"};

}  // namespace

Nemesis::Nemesis(World& world, Network& network, std::vector<std::unique_ptr<Node>>& nodes,
                 NemesisOptions options, Random random)
    : world_(world), network_(network), nodes_(nodes), options_(options), random_(random) {
  for (int i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    const bool needs_links = fault >= Fault::kPartition;
    if (options_.Allows(fault) && (!needs_links || nodes_.size() > 1)) faults_.push_back(fault);
  }
}

void Nemesis::Start() {
  active_ = true;
  if (!faults_.empty()) Next();
}

void Nemesis::Next() {
  world_.loop.After(DrawDuration(random_, options_.interval), [this] {
    if (!active_) return;
    Inject(faults_[random_.Below(faults_.size())]);
    Next();
  });
}

Node& Nemesis::PickNode() {
  return *nodes_[random_.Below(nodes_.size())];
}

std::pair<NodeId, NodeId> Nemesis::PickLink() {
  const uint64_t first = random_.Below(nodes_.size());
  const uint64_t second = (first + random_.Between(1, nodes_.size() - 1)) % nodes_.size();
  return {NodeId(first + 1), NodeId(second + 1)};
}

void Nemesis::Later(std::function<void()> undo) {
  world_.loop.After(DrawDuration(random_, options_.duration), [this, undo = std::move(undo)] {
    if (active_) undo();
  });
}

void Nemesis::Crash(Node& node, bool power) {
  if (!node.running()) return;
  if (power) {
    node.LosePower();
  } else {
    node.Kill();
  }
  Later([&node] {
    if (!node.running()) node.Start();
  });
}

void Nemesis::Cut(const std::function<bool(NodeId, NodeId)>& is_cut) {
  std::vector<std::pair<NodeId, NodeId>> links;
  for (const auto& from : nodes_) {
    for (const auto& to : nodes_) {
      if (from != to && is_cut(from->id(), to->id())) links.emplace_back(from->id(), to->id());
    }
  }
  for (const auto& [from, to] : links) network_.SetCut(from, to, true);
  Later([this, links = std::move(links)] {
    for (const auto& [from, to] : links) network_.SetCut(from, to, false);
  });
}

void Nemesis::Inject(Fault fault) {
  ++injected_;
  world_.Note(NodeId(), "fault",
              {{"kind", static_cast<uint64_t>(fault), kFaultNames[static_cast<size_t>(fault)]}});
  switch (fault) {
    case Fault::kKill:
    case Fault::kPowerLoss:
      Crash(PickNode(), fault == Fault::kPowerLoss);
      break;
    case Fault::kBlackout:
      for (const auto& node : nodes_) Crash(*node, true);
      break;
    case Fault::kPause: {
      Node& node = PickNode();
      if (!node.running() || node.paused()) break;
      node.Pause();
      Later([&node] { node.Resume(); });
      break;
    }
    case Fault::kSlowDisk: {
      Node& node = PickNode();
      node.SlowDisk(static_cast<double>(uint64_t{10} << random_.Below(7)));
      Later([&node] { node.SlowDisk(1); });
      break;
    }
    case Fault::kPartition: {
      const uint64_t side = random_.Next();
      Cut([side](NodeId a, NodeId b) {
        return (side >> a.value() & 1) != (side >> b.value() & 1);
      });
      break;
    }
    case Fault::kOneWayCut: {
      const auto link = PickLink();
      Cut([link](NodeId a, NodeId b) { return a == link.first && b == link.second; });
      break;
    }
    case Fault::kPartialCut: {
      const auto link = PickLink();
      Cut([link](NodeId a, NodeId b) {
        return (a == link.first && b == link.second) || (b == link.first && a == link.second);
      });
      break;
    }
    case Fault::kIsolate: {
      const NodeId alone = PickNode().id();
      Cut([alone](NodeId a, NodeId b) { return a == alone || b == alone; });
      break;
    }
  }
}

void Nemesis::Heal(uint64_t core) {
  network_.HealCuts();
  for (const auto& node : nodes_) {
    node->SlowDisk(1);
    node->Resume();
    if (!node->running() && (core >> node->id().value() & 1) != 0) node->Start();
  }
}

}  // namespace synod::sim
