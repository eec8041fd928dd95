// Carries Paxos messages between nodes: one long-lived outgoing stream per peer
// (synod.paxos.v1.Peer), messages coalesced into envelopes while a write is under way.
//
// Not reliable, and need not be: messages are dropped when a peer is unreachable or its queue is
// full. It reconnects for ever, with bounded jittered back-off.
//
// Thread-safety: Send from any thread, but not beside SetPeers; the receiver is called on gRPC
// threads.
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
#include "common/ids.h"
#include "services/paxos/message.h"

namespace synod::rpc {

struct PeerTransportOptions {
  ClusterId cluster;
  NodeId self;
  std::string listen;  // host:port of this node's peer server; port 0 picks a free one
  size_t max_queue_bytes = 64 << 20;  // per peer; beyond it new messages are dropped

  // Where this node serves clients; told to the peers.
  std::vector<std::string> client_urls;

  // When set: what a peer said of the same when it connected. On gRPC threads; must not block.
  std::function<void(NodeId peer, std::vector<std::string> client_urls)> peer_introduced;

  // When set: a link to a peer opened (OK), or broke or was refused (why). Not repeated while the
  // code stays the same. On gRPC threads; must not block.
  std::function<void(NodeId peer, const absl::Status&)> link_changed;
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

  // Replaces the set of peers (id -> host:port, without self).
  virtual void SetPeers(std::map<NodeId, std::string> peers) = 0;

  // Never blocks; a message to an unknown peer is dropped.
  virtual void Send(std::vector<paxos::Message> messages) = 0;

  virtual uint16_t port() const = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_TRANSPORT_H_
