#include "tests/sim/network.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "services/rpc/peer_codec.h"
#include "tests/sim/message_trace.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

constexpr double kStormLoss = 0.5;
constexpr double kStormDuplication = 0.3;
constexpr int kStormSlowness = 10;

}  // namespace

Network::Network(World& world, NetworkOptions options, Random random, int nodes)
    : world_(world),
      options_(options),
      random_(random),
      bulk_random_(random.Fork()),
      nodes_(static_cast<size_t>(nodes)),
      links_(nodes_ * nodes_),
      receivers_(nodes_) {
  for (Link& link : links_) {
    link.latency = options_.latency;
    if (options_.uneven) link.latency *= 0.25 * static_cast<double>(1 << random_.Below(5));
  }
}

Network::Link& Network::LinkOf(NodeId from, NodeId to) {
  SYNOD_CHECK(from && to && from.value() <= nodes_ && to.value() <= nodes_)
      << "from=" << from << " to=" << to;
  return links_[(from.value() - 1) * nodes_ + (to.value() - 1)];
}

void Network::Attach(NodeId node, Receiver receiver) {
  receivers_[node.value() - 1] = std::move(receiver);
}

void Network::Cut(NodeId from, NodeId to) {
  ++LinkOf(from, to).cuts;
}

void Network::Mend(NodeId from, NodeId to) {
  int& cuts = LinkOf(from, to).cuts;
  cuts = std::max(0, cuts - 1);
}

void Network::Clog(NodeId from, NodeId to, absl::Duration time) {
  absl::Duration& until = LinkOf(from, to).clogged_until;
  until = std::max(until, world_.loop.now() + time);
}

void Network::Storm(NodeId from, NodeId to, absl::Duration time) {
  absl::Duration& until = LinkOf(from, to).stormy_until;
  until = std::max(until, world_.loop.now() + time);
}

void Network::HealLinks() {
  for (Link& link : links_) {
    link.cuts = 0;
    link.clogged_until = absl::ZeroDuration();
    link.stormy_until = absl::ZeroDuration();
  }
}

void Network::Calm() {
  options_.loss = 0;
  options_.duplication = 0;
  options_.clog = 0;
}

void Network::Send(const paxos::Message& message) {
  ++sent_;
  Link& link = LinkOf(message.from, message.to);
  const bool stormy = link.stormy_until > world_.loop.now();
  const bool lost = link.cuts > 0 || random_.Chance(stormy ? kStormLoss : options_.loss);
  const bool doubled = random_.Chance(stormy ? kStormDuplication : options_.duplication);
  NoteMessage(world_, message.from, lost ? "lose" : "send", message);
  if (lost || doubled) ++disturbed_;
  if (lost) return;
  Schedule(message, link);
  if (doubled) Schedule(message, link);
}

absl::Duration Network::DrawDelay(Link& link) {
  const absl::Duration now = world_.loop.now();
  absl::Duration delay = DrawDuration(random_, link.latency);
  if (link.stormy_until > now) delay *= kStormSlowness;
  if (random_.Chance(options_.clog)) {
    ++disturbed_;
    delay += DrawDuration(random_, options_.clog_time);
  }
  if (link.clogged_until > now) {
    ++disturbed_;
    delay += link.clogged_until - now;
  }
  if (options_.ordered) {
    delay = std::max(delay, link.last_arrival - now);
    link.last_arrival = now + delay;
  }
  busy_until_ = std::max(busy_until_, now + delay);
  return delay;
}

bool Network::Carry(NodeId from, NodeId to, EventLoop::Action arrive) {
  Link& link = LinkOf(from, to);
  const absl::Duration now = world_.loop.now();
  const bool stormy = link.stormy_until > now;
  if (link.cuts > 0 || bulk_random_.Chance(stormy ? kStormLoss : options_.loss)) {
    ++disturbed_;
    return false;
  }
  absl::Duration delay = DrawDuration(bulk_random_, link.latency);
  if (stormy) delay *= kStormSlowness;
  delay = std::max({delay, link.clogged_until - now, link.last_piece - now});
  link.last_piece = now + delay;
  world_.loop.After(delay, std::move(arrive));
  return true;
}

void Network::Schedule(const paxos::Message& message, Link& link) {
  const absl::Duration delay = DrawDelay(link);
  if (!options_.encoded) {
    world_.loop.After(delay, [this, message]() mutable {
      receivers_[message.to.value() - 1](std::move(message));
    });
    return;
  }
  world_.loop.After(delay, [this, bytes = rpc::SerializeMessage(message), from = message.from,
                            to = message.to] { Arrive(bytes, from, to); });
}

void Network::Arrive(const std::string& bytes, NodeId from, NodeId to) {
  auto message = rpc::ParseMessage(bytes, from, to);
  if (!message.ok()) {
    world_.verdict.Fail(
        Say("node ", to, " cannot read what node ", from, " sent: ", message.status().ToString()));
    return;
  }
  receivers_[to.value() - 1](*std::move(message));
}

}  // namespace synod::sim
