#include "tests/sim/balancer.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "balancer/control/follower.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

constexpr uint64_t kCluster = 1;
constexpr absl::Duration kTurn = absl::Milliseconds(50);  // ControlOptions::tick
constexpr balancer::FollowerOptions kFollower;

std::string NameOf(NodeId node) {
  return absl::StrCat("n", node.value());
}

std::string AddressOf(NodeId node) {
  return absl::StrCat(NameOf(node), ":2379");
}

balancer::Wishes WishesOf(const BalancerOptions& options) {
  balancer::Wishes wishes;
  wishes.settings = options.settings;
  for (int i = 1; i <= options.seeds; ++i) {
    wishes.seeds.push_back(AddressOf(NodeId(static_cast<uint64_t>(i))));
  }
  return wishes;
}

// As view_service.cc and status_board.cc make it.
balancer::NodeView ViewOf(const Node& node) {
  const paxos::ReplicaStatus status = *node.Status();
  balancer::NodeView view;
  view.cluster_id = kCluster;
  view.member_id = node.id().value();
  view.name = NameOf(node.id());
  if (status.configuration != nullptr) {
    for (const paxos::ConfigMember& member : status.configuration->members()) {
      view.members.push_back(
          {member.id.value(), NameOf(member.id), {AddressOf(member.id)}, !member.voter});
    }
  }
  view.configuration_version = status.configuration_slot.value();
  view.leader_id = status.leader.value();
  const paxos::Ballot& ballot = status.leader_ballot ? status.leader_ballot : status.promised;
  view.leader_ballot = {ballot.round, ballot.node.value()};
  view.applied_slot = node.applied().value();
  view.quorum_contact_age = node.quorum_contact_age();
  return view;
}

}  // namespace

Balancer::Life::Life(uint64_t seed, const balancer::Wishes& wishes)
    : view(keeper.Turn(wishes, facts, absl::ZeroDuration())), router(view, seed) {}

Balancer::Balancer(World& world, const Surroundings& around, BalancerOptions options, Random random)
    : world_(world),
      nodes_(around.nodes),
      balancers_(around.balancers),
      history_(around.history),
      options_(std::move(options)),
      wishes_(WishesOf(options_)),
      random_(random),
      process_(world.loop),
      wires_(nodes_.size()) {}

Balancer::~Balancer() = default;

void Balancer::Start() {
  process_.Start();
  world_.Note(NodeId(), "balancer-start", {{"life", process_.life()}});
  life_ = std::make_unique<Life>(random_.Next(), wishes_);
  life_->seen_up.assign(nodes_.size(), world_.loop.now());
  Turn();
}

void Balancer::Crash() {
  world_.Note(NodeId(), "balancer-crash", {});
  if (!life_->calls.empty()) world_.coverage.Saw(Situation::kBalancerCrashedWithCalls);
  process_.Kill();
  const std::unique_ptr<Life> ended = std::move(life_);
  for (const auto& [operation, call] : ended->calls) {
    call.done(ReplyWithout(history_[operation], Outcome::kAmbiguous));
  }
}

void Balancer::Stall(NodeId node, absl::Duration time) {
  absl::Duration& until = wires_[node.value() - 1].stalled_until;
  until = std::max(until, world_.loop.now() + time);
}

void Balancer::HoldViews(NodeId node, absl::Duration time) {
  absl::Duration& until = wires_[node.value() - 1].views_held_until;
  until = std::max(until, world_.loop.now() + time);
}

void Balancer::Heal() {
  for (Wire& wire : wires_) wire = Wire();
  Restart();
}

bool Balancer::Follows(NodeId node) const {
  return life_->following.contains(AddressOf(node));
}

void Balancer::AddSeeds(const std::vector<NodeId>& nodes) {
  for (const NodeId node : nodes) wishes_.seeds.push_back(AddressOf(node));
}

size_t Balancer::NodeAt(const std::string& address) const {
  uint64_t id = 0;
  const absl::string_view digits = absl::StripSuffix(absl::StripPrefix(address, "n"), ":2379");
  if (!absl::SimpleAtoi(digits, &id)) world_.verdict.Fail(Say("no node is at ", address));
  return static_cast<size_t>(id - 1);
}

absl::Duration Balancer::DelayOver(absl::Duration stalled_until, absl::Duration& last) {
  const absl::Duration now = world_.loop.now();
  last = std::max(last, std::max(now, stalled_until) + DrawDuration(random_, options_.latency));
  return last - now;
}

void Balancer::Turn() {
  process_.After(kTurn, [this] { Turn(); });
  Life& life = *life_;
  const absl::Duration now = world_.loop.now();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->running()) life.seen_up[i] = now;
  }
  Follow();
  DropLostCalls();
  const bool planted = options_.plant != Plant::kNone;
  const balancer::FactsByAddress bent = planted ? BentFacts() : balancer::FactsByAddress();
  auto view = life.keeper.Turn(wishes_, planted ? bent : life.facts, now);
  const bool changed = view->version != life.view->version;
  if (changed) life.router.SetView(view);
  life.view = std::move(view);
  CheckLeader();
  if (!changed) return;
  world_.Note(NodeId(), "balancer-view",
              {{"version", life.view->version},
               {"leader", life.keeper.cluster().leader_id()},
               {"round", life.view->leader_ballot_round}});
  for (const balancer::Backend& backend : life.view->backends) {
    if (backend.state == balancer::BackendState::kEjected) {
      world_.coverage.Saw(Situation::kBackendEjected);
    }
  }
  SpotDifferences();
}

// What a planted bug makes the control plane believe.
balancer::FactsByAddress Balancer::BentFacts() const {
  balancer::FactsByAddress facts = life_->facts;
  for (auto& [address, about] : facts) {
    if (!about.view) continue;
    if (Planted(Plant::kKeepDeadBackends)) {
      about.connected = true;
      about.heard_at = world_.loop.now();
    }
    if (Planted(Plant::kLatestViewWins)) {
      about.view->leader_ballot = {static_cast<uint64_t>(absl::ToInt64Nanoseconds(about.heard_at)),
                                   about.view->leader_id};
    }
  }
  return facts;
}

void Balancer::CheckLeader() {
  Life& life = *life_;
  for (const auto& [address, following] : life.following) {
    if (!life.facts[address].connected || following.leader == 0) continue;
    if (following.ballot > life.highest) {
      life.highest = following.ballot;
      life.leader = following.leader;
    }
  }
  if (life.keeper.cluster().leader_id() != life.leader) {
    world_.verdict.Fail(Say("B1: a balancer takes node ", life.keeper.cluster().leader_id(),
                            " for the leader, but has heard of node ", life.leader, " at round ",
                            life.highest.round));
  }
}

void Balancer::SpotDifferences() {
  const uint64_t mine = life_->keeper.cluster().leader_id();
  for (const auto& other : balancers_) {
    if (other.get() == this || !other->running()) continue;
    const uint64_t theirs = other->life_->keeper.cluster().leader_id();
    if (mine != 0 && theirs != 0 && mine != theirs) {
      world_.coverage.Saw(Situation::kBalancersDisagree);
    }
  }
}

void Balancer::Follow() {
  Life& life = *life_;
  const absl::Duration now = world_.loop.now();
  const std::vector<std::string> addresses =
      balancer::AddressesToFollow(life.keeper.cluster(), life.facts, wishes_.seeds);
  const auto wanted = [&addresses](const auto& entry) {
    return std::binary_search(addresses.begin(), addresses.end(), entry.first);
  };
  std::erase_if(life.following, [&](const auto& entry) { return !wanted(entry); });
  std::erase_if(life.facts, [&](const auto& entry) { return !wanted(entry); });
  for (const std::string& address : addresses) {
    const auto [entry, is_new] = life.following.try_emplace(address);
    Following& following = entry->second;
    if (is_new) following.heard_at = now;
    life.facts.try_emplace(address);
    const size_t node = NodeAt(address);
    const bool reset = following.stream != 0 && nodes_[node]->life() != following.node_life;
    const bool dead = reset || !nodes_[node]->running();
    if (following.stream != 0 && dead && wires_[node].stalled_until <= now) {
      Disconnect(address, "the connection was closed");
    } else if (now - following.heard_at > kFollower.silence_limit) {
      Disconnect(address, "fell silent; connecting anew");
    }
    if (following.stream == 0 && now >= following.retry_at) Open(address, following);
  }
}

void Balancer::Disconnect(const std::string& address, const std::string& problem) {
  Following& following = life_->following[address];
  following.stream = 0;
  following.heard_at = world_.loop.now();
  balancer::BackendFacts& facts = life_->facts[address];
  facts.connected = false;
  facts.problem = problem;
}

void Balancer::Open(const std::string& address, Following& following) {
  const size_t node = NodeAt(address);
  following.retry_at = world_.loop.now() + kFollower.retry_interval;
  if (!nodes_[node]->Joined()) return;
  following.stream = next_stream_++;
  following.node_life = nodes_[node]->life();
  world_.loop.After(DelayOver(wires_[node].stalled_until, wires_[node].last_there),
                    [this, address, node, life = following.node_life, stream = following.stream] {
                      if (nodes_[node]->life() == life) {
                        nodes_[node]->After(absl::ZeroDuration(),
                                            [this, address, stream] { Publish(address, stream); });
                      }
                    });
}

// At the node, for as long as somebody listens.
void Balancer::Publish(const std::string& address, uint64_t stream) {
  if (!running()) return;
  const auto following = life_->following.find(address);
  if (following == life_->following.end() || following->second.stream != stream) return;
  const size_t node = NodeAt(address);
  Wire& wire = wires_[node];
  process_.After(DelayOver(std::max(wire.stalled_until, wire.views_held_until), wire.last_view),
                 [this, address, stream, view = ViewOf(*nodes_[node])]() mutable {
                   Hear(address, stream, std::move(view));
                 });
  nodes_[node]->After(kFollower.view_interval,
                      [this, address, stream] { Publish(address, stream); });
}

void Balancer::Hear(const std::string& address, uint64_t stream, balancer::NodeView view) {
  const auto found = life_->following.find(address);
  if (found == life_->following.end() || found->second.stream != stream) return;
  Following& following = found->second;
  following.heard_at = world_.loop.now();
  following.ballot = view.leader_ballot;
  following.leader = view.leader_id;
  balancer::BackendFacts& facts = life_->facts[address];
  facts.connected = true;
  facts.problem.clear();
  facts.view = std::move(view);
  facts.heard_at = world_.loop.now();
}

}  // namespace synod::sim
