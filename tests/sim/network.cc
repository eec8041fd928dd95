#include "tests/sim/network.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "tests/sim/message_trace.h"

namespace synod::sim {

Network::Network(World& world, NetworkOptions options, Random random, int nodes)
    : world_(world),
      options_(options),
      random_(random),
      nodes_(static_cast<size_t>(nodes)),
      links_(nodes_ * nodes_),
      receivers_(nodes_) {}

Network::Link& Network::LinkOf(NodeId from, NodeId to) {
  SYNOD_CHECK(from && to && from.value() <= nodes_ && to.value() <= nodes_)
      << "from=" << from << " to=" << to;
  return links_[(from.value() - 1) * nodes_ + (to.value() - 1)];
}

void Network::Attach(NodeId node, Receiver receiver) {
  receivers_[node.value() - 1] = std::move(receiver);
}

void Network::SetCut(NodeId from, NodeId to, bool cut) {
  LinkOf(from, to).cut = cut;
}

void Network::HealCuts() {
  for (Link& link : links_) link.cut = false;
}

void Network::Calm() {
  options_.loss = 0;
  options_.duplication = 0;
  options_.clog = 0;
}

void Network::Send(const paxos::Message& message) {
  ++sent_;
  Link& link = LinkOf(message.from, message.to);
  const bool lost = link.cut || random_.Chance(options_.loss);
  const bool doubled = random_.Chance(options_.duplication);
  NoteMessage(world_, message.from, lost ? "lose" : "send", message);
  if (lost || doubled) ++disturbed_;
  if (lost) return;
  Schedule(message, link);
  if (doubled) Schedule(message, link);
}

void Network::Schedule(const paxos::Message& message, Link& link) {
  absl::Duration delay = DrawDuration(random_, options_.latency);
  if (random_.Chance(options_.clog)) {
    ++disturbed_;
    delay += DrawDuration(random_, options_.clog_time);
  }
  if (options_.ordered) {
    delay = std::max(delay, link.last_arrival - world_.loop.now());
    link.last_arrival = world_.loop.now() + delay;
  }
  world_.loop.After(delay, [this, message]() mutable {
    const Receiver& receiver = receivers_[message.to.value() - 1];
    receiver(std::move(message));
  });
}

}  // namespace synod::sim
