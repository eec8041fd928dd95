// What the node tells others about itself: written by the threads that know, read by whoever asks.
//
// Thread-safety: all methods from any thread; Publish and PublishProgress are
// the replica thread's.
#ifndef SYNOD_SERVICES_NODE_STATUS_BOARD_H_
#define SYNOD_SERVICES_NODE_STATUS_BOARD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/paxos/replica.h"
#include "services/rpc/backend.h"
#include "services/rpc/peer_transport.h"

namespace synod::node {

class StatusBoard : public std::enable_shared_from_this<StatusBoard> {
 public:
  // `fixed`: cluster, self and name.
  explicit StatusBoard(rpc::NodeStatus fixed) : fixed_(std::move(fixed)) {}

  // The members of the newest configuration applied, as MembersOf gives them; tells the
  // subscribers.
  void SetMembers(uint64_t configuration_version, std::vector<rpc::Member> members);

  // The replica's state after some inputs; tells the subscribers when leader or role changed.
  // `contact` is when a quorum (leader) or the leader (follower) was last heard, monotonic.
  void Publish(const paxos::ReplicaStatus& status, absl::Duration contact);

  // What the replica knows of the others; nothing when it does not lead.
  void PublishProgress(std::vector<paxos::MemberProgress> progress);

  // What a node, this one too, says of itself; tells the subscribers when that is news of a member.
  void Introduce(NodeId node, rpc::PeerIntroduction introduction);

  // From now on connections are to these, at host:port; what there was to others, or elsewhere, has
  // ended. To be called before they change.
  void SetPeers(std::map<NodeId, std::string> peers);

  // Whether this node has a connection to the peer, from now on.
  void SetLink(NodeId peer, bool up, absl::Duration now);

  // Since when there has been a connection to each peer without a break; nobody else.
  std::map<NodeId, absl::Duration> links() const;

  // Of the last PublishProgress.
  std::vector<paxos::MemberProgress> progress() const;

  // The names of those who have introduced themselves since the start.
  std::map<NodeId, std::string> names() const;

  // The fixed part with what was last published; applied slot, stall, sizes and load are the
  // caller's.
  rpc::NodeStatus Read(absl::Duration now) const;

  uint64_t ballot_round() const { return ballot_round_.load(std::memory_order_relaxed); }

  // See rpc::Backend::Subscribe.
  std::shared_ptr<void> Subscribe(std::function<void()> changed);

 private:
  void Notify();
  void Unsubscribe(uint64_t id);

  std::atomic<uint64_t> ballot_round_{0};

  mutable absl::Mutex mutex_;
  rpc::NodeStatus fixed_ ABSL_GUARDED_BY(mutex_);  // and the members
  std::map<NodeId, rpc::PeerIntroduction> introductions_ ABSL_GUARDED_BY(mutex_);
  paxos::ReplicaStatus status_ ABSL_GUARDED_BY(mutex_);
  std::vector<paxos::MemberProgress> progress_ ABSL_GUARDED_BY(mutex_);
  std::map<NodeId, std::string> peers_ ABSL_GUARDED_BY(mutex_);
  std::map<NodeId, absl::Duration> links_ ABSL_GUARDED_BY(mutex_);
  absl::Duration contact_ ABSL_GUARDED_BY(mutex_);

  // Held while subscribers are called, so that none is called after it has gone.
  absl::Mutex subscribers_mutex_;
  uint64_t next_subscriber_ ABSL_GUARDED_BY(subscribers_mutex_) = 0;
  std::map<uint64_t, std::function<void()>> subscribers_ ABSL_GUARDED_BY(subscribers_mutex_);
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_STATUS_BOARD_H_
