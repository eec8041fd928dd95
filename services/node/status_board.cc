#include "services/node/status_board.h"

#include <algorithm>

namespace synod::node {

void StatusBoard::Publish(const paxos::ReplicaStatus& status, absl::Duration contact) {
  bool changed = false;
  {
    absl::MutexLock lock(&mutex_);
    changed = status.leader_ballot != status_.leader_ballot ||
              status.leader_serves != status_.leader_serves;
    status_ = status;
    contact_ = contact;
  }
  ballot_round_.store(status.promised.round, std::memory_order_relaxed);
  if (changed) Notify();
}

void StatusBoard::SetMembers(uint64_t configuration_version, std::vector<rpc::Member> members) {
  {
    absl::MutexLock lock(&mutex_);
    fixed_.configuration_version = configuration_version;
    fixed_.members = std::move(members);
  }
  Notify();
}

void StatusBoard::Introduce(NodeId node, rpc::PeerIntroduction introduction) {
  {
    absl::MutexLock lock(&mutex_);
    rpc::PeerIntroduction& known = introductions_[node];
    if (known.name == introduction.name && known.client_urls == introduction.client_urls) return;
    known = std::move(introduction);
  }
  Notify();
}

void StatusBoard::PublishProgress(std::vector<paxos::MemberProgress> progress) {
  absl::MutexLock lock(&mutex_);
  progress_ = std::move(progress);
}

void StatusBoard::SetPeers(std::map<NodeId, std::string> peers) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [peer, address] : peers_) {
    const auto now = peers.find(peer);
    if (now == peers.end() || now->second != address) links_.erase(peer);
  }
  peers_ = std::move(peers);
}

void StatusBoard::SetLink(NodeId peer, bool up, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (up) {
    links_.emplace(peer, now);
  } else {
    links_.erase(peer);
  }
}

std::map<NodeId, absl::Duration> StatusBoard::links() const {
  absl::MutexLock lock(&mutex_);
  return links_;
}

std::vector<paxos::MemberProgress> StatusBoard::progress() const {
  absl::MutexLock lock(&mutex_);
  return progress_;
}

std::map<NodeId, std::string> StatusBoard::names() const {
  absl::MutexLock lock(&mutex_);
  std::map<NodeId, std::string> names;
  for (const auto& [node, introduction] : introductions_) names[node] = introduction.name;
  return names;
}

rpc::NodeStatus StatusBoard::Read(absl::Duration now) const {
  absl::MutexLock lock(&mutex_);
  rpc::NodeStatus status = fixed_;
  for (rpc::Member& member : status.members) {
    const auto introduction = introductions_.find(member.id);
    if (introduction == introductions_.end()) continue;
    if (member.name.empty()) member.name = introduction->second.name;
    member.client_urls = introduction->second.client_urls;
  }
  status.leader = status_.leader;
  const paxos::Ballot& ballot = status_.leader_ballot ? status_.leader_ballot : status_.promised;
  status.ballot_round = ballot.round;
  status.ballot_node = ballot.node;
  status.leading = status_.leader_serves;
  status.chosen = status_.chosen_through;
  status.quorum_contact_age = std::max(absl::ZeroDuration(), now - contact_);
  return status;
}

std::shared_ptr<void> StatusBoard::Subscribe(std::function<void()> changed) {
  absl::MutexLock lock(&subscribers_mutex_);
  const uint64_t id = next_subscriber_++;
  subscribers_.emplace(id, std::move(changed));
  // The handle keeps the board alive: it may be dropped after the node.
  return std::shared_ptr<void>(nullptr,
                               [board = shared_from_this(), id](void*) { board->Unsubscribe(id); });
}

void StatusBoard::Notify() {
  absl::MutexLock lock(&subscribers_mutex_);
  for (const auto& [id, changed] : subscribers_) changed();
}

void StatusBoard::Unsubscribe(uint64_t id) {
  absl::MutexLock lock(&subscribers_mutex_);
  subscribers_.erase(id);
}

}  // namespace synod::node
