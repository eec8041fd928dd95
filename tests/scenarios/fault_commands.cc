// Commands by which something goes wrong, or well again.
#include "absl/strings/str_cat.h"
#include "tests/scenarios/commands.h"
#include "tests/scenarios/disk_damage.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

void Cut(Cluster& cluster, Arguments& arguments) {
  if (arguments.AtLink()) {
    const MessageFilter link = arguments.Link();
    if (!link.from || !link.to) arguments.Fail("both ends of the link are wanted");
    if (arguments.done()) cluster.network().Cut(link.from, link.to);
    return;
  }
  const NodeId node = arguments.Existing();
  if (arguments.done()) cluster.Isolate(node);
}

void Heal(Cluster& cluster, Arguments& arguments) {
  if (arguments.done()) cluster.network().Heal();
}

void Crash(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (arguments.done()) cluster.at(node).Crash();
}

void Restart(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Down();
  if (arguments.done()) cluster.at(node).Start();
}

void Pause(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (arguments.done()) cluster.at(node).Pause(true);
}

void Resume(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (arguments.done()) cluster.at(node).Pause(false);
}

void HoldLog(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (arguments.done()) cluster.at(node).HoldLog(true);
}

void ReleaseLog(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (arguments.done()) cluster.at(node).HoldLog(false);
}

LogPlace PlaceOf(Cluster& cluster, NodeId node) {
  return {cluster.at(node).disk(), kLogDir, kCluster, node};
}

using Harm = bool (*)(const LogPlace& log, Slot slot);

void HarmSlot(Cluster& cluster, Arguments& arguments, NodeId node, Harm harm) {
  arguments.Literal("slot");
  const Slot slot(arguments.Number());
  if (arguments.done() && !harm(PlaceOf(cluster, node), slot)) {
    arguments.Fail(absl::StrCat(NodeName(node), " has no record of slot ", slot.value()));
  }
}

void Damage(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Down();
  if (!arguments.Skip("promises")) {
    HarmSlot(cluster, arguments, node, FlipValue);
  } else if (arguments.done()) {
    FlipPromises(PlaceOf(cluster, node));
  }
}

void Erase(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Down();
  HarmSlot(cluster, arguments, node, EraseRecord);
}

void LoseState(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Down();
  if (arguments.done()) cluster.at(node).LoseState();
}

void Wipe(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Down();
  if (arguments.done()) cluster.at(node).Wipe();
}

}  // namespace

std::vector<Command> FaultCommands() {
  return {
      {"cut NODE|FROM->TO", "from now on messages are lost, on all links of a node or on one", Cut},
      {"heal", "all links work again", Heal},
      {"crash NODE", "kill -9: what its log had not made durable is gone", Crash},
      {"restart NODE", "a crashed node recovers from its log", Restart},
      {"pause NODE", "the process stands still; messages to it wait", Pause},
      {"resume NODE", "it goes on, as if no time had passed", Resume},
      {"hold-log NODE", "nothing becomes durable", HoldLog},
      {"release-log NODE", "what waited does", ReleaseLog},
      {"damage NODE slot SLOT|promises",
       "a crashed node's log: a bit flips in the newest record of the slot, or in both copies of "
       "the promises",
       Damage},
      {"erase NODE slot SLOT", "... that record is gone, and what named it, too", Erase},
      {"lose-state NODE", "a crashed node's state is gone; its log is not", LoseState},
      {"wipe NODE", "a crashed node gets an empty disk", Wipe},
  };
}

}  // namespace synod::scenarios
