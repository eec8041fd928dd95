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

void StatusBoard::SetClientUrls(NodeId member, std::vector<std::string> urls) {
  {
    absl::MutexLock lock(&mutex_);
    const auto known = std::find_if(fixed_.members.begin(), fixed_.members.end(),
                                    [member](const rpc::Member& one) { return one.id == member; });
    if (known == fixed_.members.end() || known->client_urls == urls) return;
    known->client_urls = std::move(urls);
  }
  Notify();
}

rpc::NodeStatus StatusBoard::Read(absl::Duration now) const {
  absl::MutexLock lock(&mutex_);
  rpc::NodeStatus status = fixed_;
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
