#include "tests/sim/operator.h"

#include <algorithm>
#include <utility>

namespace synod::sim {
namespace {

constexpr size_t kMaxVoters = 7;

}  // namespace

Node* Operator::Leader() const {
  for (const auto& node : nodes_) {
    const auto status = node->Status();
    if (status && status->leader_serves && !node->paused()) return node.get();
  }
  return nullptr;
}

// The sound voters alone must be a majority: they are who repairs the others.
bool Operator::IsSafe(const std::vector<paxos::ConfigMember>& next) const {
  size_t voters = 0;
  size_t sound = 0;
  for (const paxos::ConfigMember& member : next) {
    voters += member.voter ? 1 : 0;
    sound += member.voter && (frail_ >> member.id.value() & 1) == 0 ? 1 : 0;
  }
  return voters > 0 && voters <= kMaxVoters && sound >= voters / 2 + 1;
}

void Operator::Add() {
  Node* const leader = Leader();
  if (leader == nullptr) return;
  const paxos::ReplicaStatus status = *leader->Status();
  // Whether a change came to be shows only later; until it has, it is proposed again. The id of a
  // former member is never used again.
  while (next_spare_ < nodes_.size() && observer_.WasMember(nodes_[next_spare_]->id())) {
    ++next_spare_;
  }
  if (next_spare_ == nodes_.size()) return;
  Node& spare = *nodes_[next_spare_];
  std::vector<paxos::ConfigMember> next = status.configuration->members();
  std::vector<NodeId> contacts;
  for (const paxos::ConfigMember& member : next) contacts.push_back(member.id);
  next.push_back({spare.id(), false, 0, {}});
  leader->ProposeConfiguration(paxos::Configuration(std::move(next)));
  if (!spare.running()) {
    spare.SetContacts(std::move(contacts));
    spare.Start();
  }
}

void Operator::Promote() {
  Node* const leader = Leader();
  if (leader == nullptr) return;
  const paxos::ReplicaStatus status = *leader->Status();
  std::vector<paxos::ConfigMember> next = status.configuration->members();
  for (const paxos::MemberProgress& progress : leader->Progress()) {
    const auto member =
        std::find_if(next.begin(), next.end(), [&](const paxos::ConfigMember& candidate) {
          return candidate.id == progress.id && !candidate.voter;
        });
    if (member == next.end() || progress.instance == 0) continue;
    member->voter = true;
    member->instance = progress.instance;
    if (IsSafe(next)) leader->ProposeConfiguration(paxos::Configuration(std::move(next)));
    return;
  }
}

void Operator::Remove(Random random) {
  Node* const leader = Leader();
  if (leader == nullptr) return;
  std::vector<paxos::ConfigMember> next = leader->Status()->configuration->members();
  // A node that is out for good goes first, as it would in life.
  auto leaves = std::find_if(next.begin(), next.end(), [this](const paxos::ConfigMember& member) {
    return nodes_[member.id.value() - 1]->wiped();
  });
  if (leaves == next.end())
    leaves = next.begin() + static_cast<ptrdiff_t>(random.Below(next.size()));
  if (leaves->id == leader->id()) world_.coverage.Saw(Situation::kLeaderRemovalAsked);
  next.erase(leaves);
  if (IsSafe(next)) leader->ProposeConfiguration(paxos::Configuration(std::move(next)));
}

void Operator::HandOver(Random random) {
  Node* const leader = Leader();
  if (leader == nullptr) return;
  const std::vector<NodeId>& voters = leader->Status()->configuration->voters();
  if (leader->HandOver(voters[random.Below(voters.size())])) {
    world_.coverage.Saw(Situation::kHandedOver);
  }
}

}  // namespace synod::sim
