// Serving a snapshot: one stream that sends its files from a place on, as fast as the other side
// reads and no faster. Disks are read on a thread of the pool, never on gRPC's.
#ifndef SYNOD_SERVICES_RPC_SNAPSHOT_STREAM_H_
#define SYNOD_SERVICES_RPC_SNAPSHOT_STREAM_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "grpcpp/support/server_callback.h"
#include "services/rpc/read_pool.h"
#include "services/rpc/snapshot_source.h"
#include "synod/paxos/v1/peer.pb.h"

namespace synod::rpc {

// A gRPC reactor: deleted by gRPC when the stream is over.
class SnapshotStream final : public grpc::ServerWriteReactor<paxos::v1::SnapshotChunk> {
 public:
  // May block: it runs on the pool.
  using Open = std::function<absl::StatusOr<std::shared_ptr<const SnapshotSource>>()>;

  // `ended` runs when the stream is over. The pool outlives it.
  SnapshotStream(ReadPool* pool, Open open, SnapshotPlace from, std::function<void()> ended);

  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void Post(void (SnapshotStream::*work)());
  void Begin();
  void SendNext();

  ReadPool* const pool_;
  const Open open_;
  SnapshotPlace at_;
  const std::function<void()> ended_;
  std::shared_ptr<const SnapshotSource> source_;
  paxos::v1::SnapshotChunk chunk_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_SNAPSHOT_STREAM_H_
