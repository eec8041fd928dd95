// Carries Paxos messages between nodes: one long-lived outgoing stream per peer
// (synod.paxos.v1.Peer), messages coalesced into envelopes while a write is under way.
//
// Not reliable, and need not be: messages are dropped when a peer is unreachable or its queue is
// full. It reconnects for ever, with bounded jittered back-off.
//
// The peer port also answers the calls of joining nodes and takes member changes for the leader;
// the asking side of those is peer_calls.h.
//
// Thread-safety: all methods from any thread; SetPeers from one at a time. The receiver and the
// functions of the options are called on gRPC threads and must not block.
#ifndef SYNOD_SERVICES_RPC_PEER_TRANSPORT_H_
#define SYNOD_SERVICES_RPC_PEER_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "services/kv/state_machine.h"
#include "services/paxos/message.h"
#include "services/rpc/member_change.h"
#include "services/rpc/snapshot_source.h"

namespace synod::rpc {

// What a node says of itself when it connects.
struct PeerIntroduction {
  std::string name;
  std::vector<std::string> client_urls;  // where it serves clients
};

// Who a joining node is.
struct JoinAnswer {
  ClusterId cluster;
  NodeId member;
  uint64_t configuration_version = 0;
  std::vector<Member> members;  // all of them
};

struct PeerTransportOptions {
  ClusterId cluster;
  NodeId self;
  std::string listen;  // host:port of this node's peer server; port 0 picks a free one
  size_t max_queue_bytes = 64 << 20;  // per peer; beyond it new messages are dropped

  // Told to the peers.
  PeerIntroduction introduction;

  // Of the newest configuration that has this node as a member; 0 when not set. Told to the peers.
  std::function<uint64_t()> configuration_version;

  // The rest may be left empty.

  // What a peer said of itself when it connected.
  std::function<void(NodeId peer, PeerIntroduction introduction)> peer_introduced;

  // A link to a peer opened (OK), or broke or was refused (why; NotFound: the peer says
  // that this node has been removed from the cluster). Not repeated while the code stays the same.
  std::function<void(NodeId peer, const absl::Status&)> link_changed;

  // The member with these peer URLs. NotFound when there is none.
  std::function<absl::StatusOr<JoinAnswer>(const std::vector<std::string>& peer_urls)> join;

  // A snapshot of the state as of this slot or a later one; with an id, exactly that one, NotFound
  // when it is gone. May block: it is called on a thread for such work.
  std::function<absl::StatusOr<std::shared_ptr<const SnapshotSource>>(Slot at_least, uint64_t id)>
      open_snapshot;

  // The hash of the store as of a revision that another member has applied; as kv::ReadView::Hash.
  // OutOfRange when it has been compacted. May block: it is called on a thread for such work.
  std::function<absl::StatusOr<kv::HashResponse>(kv::Revision revision, kv::GiveUp give_up)>
      hash_store;

  // Changes the members if this node leads; false, with `done` unused, when it does not.
  std::function<bool(MemberChange change, absl::Duration timeout, MembersDone done)> change_members;
};

class PeerTransport {
 public:
  // Messages that arrived, in order per sender; must not block.
  using Receiver = std::function<void(std::vector<paxos::Message>)>;

  // FailedPrecondition, with the address, when the port is in use.
  static absl::StatusOr<std::unique_ptr<PeerTransport>> Start(PeerTransportOptions options,
                                                              Receiver receiver);

  // Cancels all streams and joins; no receiver call after it returns.
  virtual ~PeerTransport() = default;

  // Replaces the set of peers (id -> host:port, without self), which is that of the configuration
  // with this version. Waits for the links of those that went. Not from a callback.
  virtual void SetPeers(std::map<NodeId, std::string> peers, uint64_t configuration_version) = 0;

  // Never blocks; a message to an unknown peer is dropped.
  virtual void Send(std::vector<paxos::Message> messages) = 0;

  // Ends everything that peers have asked for; the receiver and the functions of the options that
  // serve them are not called any more. What was sent may still go out.
  virtual void StopServing() = 0;

  virtual uint16_t port() const = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_TRANSPORT_H_
