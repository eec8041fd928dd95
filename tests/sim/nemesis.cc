#include "tests/sim/nemesis.h"

#include <algorithm>
#include <array>
#include <utility>

namespace synod::sim {

void Nemesis::Start(const Schedule& schedule) {
  active_ = true;
  for (const PlannedFault& fault : schedule) {
    After(std::max(fault.at - world_.loop.now(), absl::ZeroDuration()),
          [this, &fault] { Inject(fault); });
  }
}

Node* Nemesis::Find(NodeId id) {
  return id && id.value() <= nodes_.size() ? nodes_[id.value() - 1].get() : nullptr;
}

void Nemesis::After(absl::Duration time, std::function<void()> undo) {
  world_.loop.After(time, [this, undo = std::move(undo)] {
    if (active_) undo();
  });
}

void Nemesis::Crash(Node& node, absl::Duration down, bool power) {
  if (!node.running()) return;
  if (power) {
    node.LosePower();
  } else {
    node.Kill();
  }
  After(down, [&node] { node.Restart(); });
}

void Nemesis::Trouble(Node& node, Disk::Trouble trouble, absl::Duration lasts) {
  node.SetDiskTrouble(trouble);
  After(lasts, [&node] {
    node.SetDiskTrouble(Disk::Trouble::kNone);
    node.Restart();
  });
}

void Nemesis::Cut(absl::Duration lasts, const std::function<bool(NodeId, NodeId)>& is_cut) {
  std::vector<std::pair<NodeId, NodeId>> links;
  for (const auto& from : nodes_) {
    for (const auto& to : nodes_) {
      if (from != to && is_cut(from->id(), to->id())) links.emplace_back(from->id(), to->id());
    }
  }
  for (const auto& [from, to] : links) network_.Cut(from, to);
  After(lasts, [this, links = std::move(links)] {
    for (const auto& [from, to] : links) network_.Mend(from, to);
  });
}

void Nemesis::Swizzle(const PlannedFault& fault) {
  Random random(fault.draw);
  for (const auto& node : nodes_) {
    if (random.Chance(0.3)) continue;
    const absl::Duration from = fault.lasts * random.Unit();
    const absl::Duration until = fault.lasts * (1 + random.Unit());
    After(from, [this, id = node->id(), time = until - from] {
      for (const auto& other : nodes_) {
        if (other->id() == id) continue;
        network_.Clog(id, other->id(), time);
        network_.Clog(other->id(), id, time);
      }
    });
  }
}

void Nemesis::Inject(const PlannedFault& fault) {
  Node* const node = Find(fault.node);
  if (node == nullptr) return;
  ++injected_;
  world_.Note(fault.node, "fault",
              {{"kind", static_cast<uint64_t>(fault.fault), NameOf(fault.fault).data()}});
  switch (fault.fault) {
    case Fault::kKill:
    case Fault::kPowerLoss:
      Crash(*node, fault.lasts, fault.fault == Fault::kPowerLoss);
      break;
    case Fault::kBlackout: {
      Random random(fault.draw);
      for (const auto& each : nodes_) Crash(*each, fault.lasts * (0.5 + random.Unit()), true);
      break;
    }
    case Fault::kPause:
      if (!node->running() || node->paused()) break;
      node->Pause();
      After(fault.lasts, [node] { node->Resume(); });
      break;
    case Fault::kClockJump:
      node->JumpClock(fault.lasts);
      break;
    case Fault::kCrashInstall:
    case Fault::kDamageSnapshot:
      LieInWait(*node, fault);
      break;
    case Fault::kAddMember:
    case Fault::kPromote:
    case Fault::kRemoveMember:
    case Fault::kHandOver:
      Operate(fault);
      break;
    case Fault::kSlowDisk:
    case Fault::kDiskErrors:
    case Fault::kDiskFull:
    case Fault::kDamage:
    case Fault::kWipe:
    case Fault::kLoseEngine:
    case Fault::kDamageState:
      InjectIntoDisk(*node, fault);
      break;
    case Fault::kBalancerCrash:
    case Fault::kBalancerStall:
    case Fault::kStaleViews:
      if (!balancers_.empty()) InjectIntoBalancer(fault);
      break;
    default:
      if (nodes_.size() > 1) InjectIntoLinks(fault);
  }
}

void Nemesis::LieInWait(Node& node, const PlannedFault& fault) {
  using Moment = Node::SnapshotMoment;
  Random random(fault.draw);
  if (fault.fault == Fault::kCrashInstall) {
    constexpr std::array kSteps = {Moment::kDownloaded, Moment::kCut, Moment::kExchanged};
    const Moment step = kSteps[random.Below(kSteps.size())];
    node.TrapSnapshot(step, [this, &node, &fault, power = random.Chance(0.5)] {
      if (active_) Crash(node, fault.lasts, power);
      return true;
    });
    return;
  }
  constexpr std::array kMoments = {Moment::kGiven, Moment::kDownloaded, Moment::kExchanged};
  const Moment moment = kMoments[random.Below(kMoments.size())];
  const auto damage = static_cast<Damage>(random.Below(kDamages));
  node.TrapSnapshot(moment, [this, &node, &fault, moment, damage, random]() mutable {
    if (!active_) return true;
    if (node.StrikeSnapshot(moment, damage, random.Fork()).empty()) return false;
    // What has been installed is read again by the next life.
    if (moment == Moment::kExchanged) Crash(node, fault.lasts, random.Chance(0.3));
    return true;
  });
}

void Nemesis::InjectIntoDisk(Node& node, const PlannedFault& fault) {
  Random random(fault.draw);
  const auto restart = [this, &node, &fault] { After(fault.lasts, [&node] { node.Restart(); }); };
  switch (fault.fault) {
    case Fault::kSlowDisk:
      node.SlowDisk(static_cast<double>(uint64_t{10} << random.Below(7)));
      After(fault.lasts, [&node] { node.SlowDisk(1); });
      break;
    case Fault::kDiskErrors:
      Trouble(node, random.Chance(0.5) ? Disk::Trouble::kWritesFail : Disk::Trouble::kSyncsFail,
              fault.lasts);
      break;
    case Fault::kDiskFull:
      Trouble(node, Disk::Trouble::kFull, fault.lasts);
      break;
    case Fault::kDamage: {
      // Most damage shows when the log is opened.
      if (random.Chance(0.7)) Crash(node, fault.lasts, random.Chance(0.3));
      const int places = 1 << random.Below(4);
      for (int i = 0; i < places; ++i) {
        node.Strike(static_cast<Damage>(random.Below(kDamages)), random.Fork());
      }
      break;
    }
    case Fault::kDamageState: {
      if (!node.founded()) break;
      const int places = 1 << random.Below(4);
      for (int i = 0; i < places; ++i) {
        node.StrikeState(static_cast<Damage>(random.Below(kDamages)), random.Fork());
      }
      // It shows when a state is opened, or read for another member.
      if (random.Chance(0.5)) Crash(node, fault.lasts, random.Chance(0.3));
      break;
    }
    case Fault::kWipe:
      // A log that never voted may as well never have been.
      if (!node.founded() || node.wiped()) break;
      node.Wipe();
      restart();
      break;
    default:
      if (!node.founded()) break;
      node.LoseEngine();
      restart();
  }
}

void Nemesis::Operate(const PlannedFault& fault) {
  switch (fault.fault) {
    case Fault::kAddMember:
      operator_.Add();
      break;
    case Fault::kPromote:
      operator_.Promote();
      break;
    case Fault::kRemoveMember:
      operator_.Remove(Random(fault.draw));
      break;
    default:
      operator_.HandOver(Random(fault.draw));
  }
}

void Nemesis::InjectIntoBalancer(const PlannedFault& fault) {
  Balancer& balancer = *balancers_[fault.draw % balancers_.size()];
  switch (fault.fault) {
    case Fault::kBalancerCrash:
      if (!balancer.running()) break;
      balancer.Crash();
      After(fault.lasts, [&balancer] { balancer.Restart(); });
      break;
    case Fault::kBalancerStall:
      balancer.Stall(fault.node, fault.lasts);
      break;
    default:
      balancer.HoldViews(fault.node, fault.lasts);
  }
}

void Nemesis::InjectIntoLinks(const PlannedFault& fault) {
  const NodeId node = fault.node;
  const NodeId other = fault.other;
  const auto side = [&fault](NodeId id) { return (fault.draw >> id.value() & 1) != 0; };
  switch (fault.fault) {
    case Fault::kPartition:
      Cut(fault.lasts, [side](NodeId a, NodeId b) { return side(a) != side(b); });
      break;
    case Fault::kOneWayCut:
      Cut(fault.lasts, [=](NodeId a, NodeId b) { return a == node && b == other; });
      break;
    case Fault::kPartialCut:
      Cut(fault.lasts, [=](NodeId a, NodeId b) {
        return (a == node && b == other) || (a == other && b == node);
      });
      break;
    case Fault::kIsolate:
      Cut(fault.lasts, [=](NodeId a, NodeId b) { return a == node || b == node; });
      break;
    case Fault::kBridge:
      Cut(fault.lasts,
          [=](NodeId a, NodeId b) { return a != node && b != node && side(a) != side(b); });
      break;
    case Fault::kChain:
      Cut(fault.lasts,
          [](NodeId a, NodeId b) { return std::max(a, b).value() - std::min(a, b).value() > 1; });
      break;
    case Fault::kClog:
      network_.Clog(node, other, fault.lasts);
      break;
    case Fault::kSwizzle:
      Swizzle(fault);
      break;
    case Fault::kStorm:
      network_.Storm(node, other, fault.lasts);
      network_.Storm(other, node, fault.lasts);
      break;
    default:
      break;
  }
}

void Nemesis::Heal(uint64_t core) {
  network_.HealLinks();
  for (const auto& node : nodes_) {
    node->SlowDisk(1);
    node->SetDiskTrouble(Disk::Trouble::kNone);
    node->Resume();
    if ((core >> node->id().value() & 1) != 0) node->Restart();
  }
  for (const auto& balancer : balancers_) balancer->Heal();
}

}  // namespace synod::sim
