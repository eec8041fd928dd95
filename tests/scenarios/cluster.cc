#include "tests/scenarios/cluster.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

constexpr int kMaxCampaignTicks = 100;
constexpr int kMaxMessages = 10'000;  // before a cluster counts as restless

std::string Line(const paxos::Message& message, absl::string_view arrow) {
  return absl::StrCat(NodeName(message.from), " ", arrow, " ", NodeName(message.to), "  ",
                      MessageWords(message.body));
}

}  // namespace

void Cluster::Found(const Options& options) {
  window_ = options.window;
  std::vector<NodeId> voters;
  for (int i = 1; i <= options.voters; ++i) voters.push_back(NodeId(static_cast<uint64_t>(i)));
  const paxos::ConfigurationHistory first(paxos::Configuration::OfVoters(voters));
  for (const NodeId voter : voters) Add({voter, first, {}, options.founded, window_});
}

void Cluster::Join(NodeId node, NodeId contact) {
  Add({node, paxos::ConfigurationHistory(), {contact}, /*founded=*/false, window_});
}

void Cluster::Add(Node::Options options) {
  const NodeId id = options.id;
  const Node::Surroundings around{transcript_, network_, nodes_};
  nodes_.emplace(id, std::make_unique<Node>(std::move(options), around)).first->second->Start();
}

std::vector<NodeId> Cluster::nodes() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

bool Cluster::Campaign(NodeId id) {
  Node& node = at(id);
  for (int tick = 0; tick < kMaxCampaignTicks; ++tick) {
    const paxos::Role before = node.status().role;
    node.Tick();
    // A cluster of one needs no probe and leads at once.
    if (before == paxos::Role::kFollower && node.status().role != before) return true;
  }
  return false;
}

void Cluster::Deliver(const MessageFilter& filter) {
  for (size_t left = CountMatching(filter); left > 0; --left) {
    auto message = network_.TakeFirst([&](const paxos::Message& candidate) {
      return filter.Matches(candidate) && !MustWait(candidate);
    });
    if (!message) return;
    Deliver(*std::move(message));
  }
}

void Cluster::Drop(const MessageFilter& filter) {
  while (auto message = network_.TakeFirst(
             [&](const paxos::Message& candidate) { return filter.Matches(candidate); })) {
    transcript_.Add(Level::kMessage, Line(*message, "-x"));
  }
}

bool Cluster::Stabilize() {
  for (int i = 0; i < kMaxMessages; ++i) {
    auto message = network_.TakeFirst(
        [this](const paxos::Message& candidate) { return !MustWait(candidate); });
    if (!message) return true;
    Deliver(*std::move(message));
  }
  return false;
}

void Cluster::Deliver(paxos::Message message) {
  if (!Reaches(message)) {
    transcript_.Add(Level::kMessage, Line(message, "-x"));
    return;
  }
  transcript_.Add(Level::kMessage, Line(message, "->"));
  transcript_.Cause();
  at(message.to).Step(std::move(message));
  transcript_.Settled();
}

bool Cluster::Reaches(const paxos::Message& message) const {
  const auto node = nodes_.find(message.to);
  return node != nodes_.end() && !node->second->down() && !network_.IsCut(message.from, message.to);
}

bool Cluster::MustWait(const paxos::Message& message) const {
  const auto node = nodes_.find(message.to);
  return node != nodes_.end() && node->second->paused();
}

size_t Cluster::CountMatching(const MessageFilter& filter) const {
  const auto& under_way = network_.under_way();
  return static_cast<size_t>(
      std::count_if(under_way.begin(), under_way.end(),
                    [&](const paxos::Message& message) { return filter.Matches(message); }));
}

void Cluster::Isolate(NodeId node) {
  for (const auto& [other, unused] : nodes_) {
    if (other == node) continue;
    network_.Cut(node, other);
    network_.Cut(other, node);
  }
}

}  // namespace synod::scenarios
