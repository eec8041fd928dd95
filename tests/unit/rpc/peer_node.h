// A peer transport in this process, and all that happened to it.
#ifndef SYNOD_TESTS_UNIT_RPC_PEER_NODE_H_
#define SYNOD_TESTS_UNIT_RPC_PEER_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/steady_wait.h"
#include "services/rpc/peer_transport.h"

namespace synod::rpc {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr ClusterId kCluster(0xc1);

paxos::Message Heartbeat(NodeId from, NodeId to, uint64_t round);
uint64_t RoundOf(const paxos::Message& heartbeat);
paxos::Message Accept(NodeId from, NodeId to, size_t bytes);

// The files of the one snapshot that there is.
inline const std::vector<std::string> kSnapshotFiles = {"abcdef", "", "ghij"};

// What a store of this one revision is hashed to; an older one has been compacted, and a newer one
// takes until nobody waits for it.
inline constexpr kv::HashResponse kHashed{.hash = 123, .compact_revision = 4, .revision = 10};

// Knows a joining node by the URL http://known:1, sends the snapshot, hashes its store, and adds
// members while it leads.
class PeerNode {
 public:
  explicit PeerNode(uint64_t id, ClusterId cluster = kCluster, std::string listen = "127.0.0.1:0",
                    size_t max_queue_bytes = 64 << 20);
  ~PeerNode();

  NodeId id() const { return id_; }
  PeerTransport& transport() { return *transport_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", transport_->port()); }

  // While blocked the receiver does not return, which no production receiver may do.
  void Block(bool blocked) {
    absl::MutexLock lock(&mutex_);
    blocked_ = blocked;
  }

  bool AwaitLink(NodeId peer, absl::StatusCode code) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] {
      const auto found = links_.find(peer);
      return found != links_.end() && found->second.code() == code;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  }

  bool AwaitReceived(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] { return received_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  }

  // Hashes that take for ever: one is being made; one has been given up.
  bool AwaitHashing() const { return hashing_.WaitWithTimeout(kPatience); }
  bool AwaitHashGivenUp() const { return hash_given_up_.WaitWithTimeout(kPatience); }

  void Lead() {
    absl::MutexLock lock(&mutex_);
    leads_ = true;
  }
  // From now on changes are taken, and not answered as long as this lives.
  void HoldChanges() {
    absl::MutexLock lock(&mutex_);
    holds_changes_ = true;
  }
  absl::Duration change_timeout() {
    absl::MutexLock lock(&mutex_);
    return change_timeout_;
  }
  PeerIntroduction introduction(NodeId peer) {
    absl::MutexLock lock(&mutex_);
    return introductions_[peer];
  }
  absl::Status link(NodeId peer) {
    absl::MutexLock lock(&mutex_);
    return links_[peer];
  }
  std::vector<paxos::Message> received() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }

 private:
  const NodeId id_;
  Event hashing_;
  Event hash_given_up_;
  absl::Mutex mutex_;
  std::map<NodeId, absl::Status> links_;
  std::vector<paxos::Message> received_;
  std::map<NodeId, PeerIntroduction> introductions_;
  bool blocked_ = false;
  bool leads_ = false;
  bool holds_changes_ = false;
  std::vector<MembersDone> held_changes_;
  absl::Duration change_timeout_;
  std::unique_ptr<PeerTransport> transport_;  // last: its callbacks use the others
};

// Has the two connect to one another.
void Introduce(PeerNode& a, PeerNode& b);

}  // namespace synod::rpc

#endif  // SYNOD_TESTS_UNIT_RPC_PEER_NODE_H_
