#include "tests/sim/spotter.h"

#include <algorithm>
#include <variant>

namespace synod::sim {

int Spotter::Count(paxos::Role role) const {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [role](const auto& node) {
    return node.second.joined && node.second.role == role;
  }));
}

void Spotter::OnStatus(NodeId node, const paxos::ReplicaStatus& status, int election_ticks) {
  Seen& seen = nodes_[node];
  const paxos::Role before = std::exchange(seen.role, status.role);
  if (before == paxos::Role::kLeader && status.role != paxos::Role::kLeader) {
    // A leader that stops by itself follows nobody at first.
    if (!status.leader_ballot && status.promised == seen.leads) {
      Saw(seen.silent_ticks >= election_ticks ? Situation::kMinorityLeaderStopped
                                              : Situation::kStalledLeaderStopped);
    }
  }
  seen.silent_ticks = status.ticks_since_quorum_contact;
  if (status.role == before) return;
  if (status.role == paxos::Role::kLeader) {
    seen.leads = status.leader_ballot;
    if (Count(paxos::Role::kLeader) > 1) Saw(Situation::kTwoLeadersAlive);
  } else if (status.role == paxos::Role::kPreparing && Count(paxos::Role::kPreparing) > 1) {
    Saw(Situation::kDuel);
  }
}

void Spotter::OnStarted(NodeId node) {
  nodes_[node] = Seen();
  nodes_[node].running = true;
}

void Spotter::OnJoined(NodeId node) {
  nodes_[node].joined = true;
}

void Spotter::OnDied(NodeId node) {
  const Seen& seen = nodes_[node];
  if (!seen.joined) Saw(Situation::kCrashInRecovery);
  if (seen.role == paxos::Role::kLeader) Saw(Situation::kLeaderCrashed);
  nodes_[node] = Seen();
  const bool any = std::any_of(nodes_.begin(), nodes_.end(),
                               [](const auto& other) { return other.second.running; });
  if (!any) Saw(Situation::kAllDown);
}

void Spotter::OnPaused(NodeId node) {
  if (nodes_[node].role == paxos::Role::kLeader) Saw(Situation::kLeaderPaused);
}

void Spotter::OnSend(const paxos::Message& message) {
  if (std::holds_alternative<paxos::Reject>(message.body)) {
    Saw(Situation::kPrepareRefused);
  } else if (const auto* promise = std::get_if<paxos::Promise>(&message.body)) {
    if (!promise->untold.empty() || promise->lost_through) Saw(Situation::kRepairInElection);
    for (const paxos::AcceptedValue& accepted : promise->accepted) {
      reported_.insert({promise->ballot, accepted.slot});
      Slot& highest = highest_reported_[promise->ballot];
      highest = std::max(highest, accepted.slot);
    }
  } else if (const auto* accept = std::get_if<paxos::Accept>(&message.body)) {
    const std::pair at(accept->ballot, accept->slot);
    if (!accepts_.insert({message.to, at}).second) Saw(Situation::kAcceptRepeated);
    if (reported_.contains(at)) {
      Saw(Situation::kValueReproposed);
    } else if (const auto highest = highest_reported_.find(accept->ballot);
               highest != highest_reported_.end() && accept->slot < highest->second) {
      Saw(Situation::kGapFilled);
    }
  }
}

void Spotter::OnReceive(const paxos::Message& message) {
  if (const auto* forward = std::get_if<paxos::Forward>(&message.body)) {
    if (!forwards_.insert({forward->life, forward->number}).second) {
      Saw(Situation::kForwardedTwice);
    }
  }
}

void Spotter::OnDurable(NodeId node, const paxos::Record& record) {
  if (std::holds_alternative<paxos::LearnedRecord>(record.body)) Saw(Situation::kTaughtByPeer);
  if (std::holds_alternative<paxos::RepairedRecord>(record.body)) Saw(Situation::kRepaired);
  if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    paxos::Ballot& vote = nodes_[node].votes[accepted->slot];
    if (vote && vote < accepted->ballot) Saw(Situation::kVoteReplaced);
    vote = accepted->ballot;
  }
}

}  // namespace synod::sim
