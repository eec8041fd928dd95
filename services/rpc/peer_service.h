// The incoming half of the peer transport: serves synod.paxos.v1.Peer.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_PEER_SERVICE_H_
#define SYNOD_SERVICES_RPC_PEER_SERVICE_H_

#include <atomic>
#include <map>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/ids.h"
#include "services/rpc/peer_transport.h"
#include "services/rpc/read_pool.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {

// `options` outlive it. Outlives the server it is registered with, whose shutdown ends all streams.
class PeerService final : public paxos::v1::Peer::CallbackService {
 public:
  PeerService(const PeerTransportOptions& options, PeerTransport::Receiver receiver);

  // Whose hellos are answered; streams of others are ended.
  void SetMembers(std::set<NodeId> members, uint64_t configuration_version);

  grpc::ServerBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome>* Exchange(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const paxos::v1::JoinRequest* request,
                                 paxos::v1::JoinResponse* response) override;
  grpc::ServerUnaryReactor* ChangeMembers(grpc::CallbackServerContext* context,
                                          const paxos::v1::ChangeMembersRequest* request,
                                          paxos::v1::ChangeMembersResponse* response) override;
  grpc::ServerWriteReactor<paxos::v1::SnapshotChunk>* FetchSnapshot(
      grpc::CallbackServerContext* context,
      const paxos::v1::FetchSnapshotRequest* request) override;

  grpc::ServerUnaryReactor* HashStore(grpc::CallbackServerContext* context,
                                      const paxos::v1::HashStoreRequest* request,
                                      paxos::v1::HashStoreResponse* response) override;

 private:
  class Stream;
  class Answer;

  // FailedPrecondition says what is wrong with the hello, NotFound that its sender is no
  // member any more. Otherwise the stream becomes its sender's; one that the sender left behind is
  // cancelled.
  absl::Status Admit(const paxos::v1::Hello& hello, Stream* stream);
  void Remove(NodeId from, Stream* stream);
  bool IsMember(NodeId node);

  const PeerTransportOptions& options_;
  const PeerTransport::Receiver receiver_;
  ReadPool snapshots_;
  ReadPool hashes_;
  std::atomic<int> snapshot_streams_{0};

  absl::Mutex mutex_;
  std::set<NodeId> members_ ABSL_GUARDED_BY(mutex_);
  uint64_t configuration_version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<NodeId, Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_SERVICE_H_
