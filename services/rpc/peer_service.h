// The incoming half of the peer transport: serves synod.paxos.v1.Peer.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_PEER_SERVICE_H_
#define SYNOD_SERVICES_RPC_PEER_SERVICE_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/ids.h"
#include "services/rpc/peer_transport.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {

// Outlives the server it is registered with, whose shutdown ends all streams.
class PeerService final : public paxos::v1::Peer::CallbackService {
 public:
  using Introduced = std::function<void(NodeId peer, std::vector<std::string> client_urls)>;

  // `introduced` may be empty.
  PeerService(ClusterId cluster, NodeId self, PeerTransport::Receiver receiver,
              Introduced introduced);

  // Whose hellos are answered; streams of others are ended.
  void SetMembers(std::set<NodeId> members);

  grpc::ServerBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome>* Exchange(
      grpc::CallbackServerContext* context) override;

 private:
  class Stream;

  // FailedPrecondition says what is wrong with the hello. Otherwise the stream becomes its
  // sender's; one that the sender left behind is cancelled.
  absl::Status Admit(const paxos::v1::Hello& hello, Stream* stream);
  void Remove(NodeId from, Stream* stream);

  const ClusterId cluster_;
  const NodeId self_;
  const PeerTransport::Receiver receiver_;
  const Introduced introduced_;

  absl::Mutex mutex_;
  std::set<NodeId> members_ ABSL_GUARDED_BY(mutex_);
  std::map<NodeId, Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_SERVICE_H_
