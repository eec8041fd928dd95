#include "services/rpc/snapshot_call.h"

#include "services/rpc/peer_channel.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {

absl::Status SnapshotCall::Run(const Request& request, const Sink& sink) {
  paxos::v1::FetchSnapshotRequest message;
  message.set_cluster_id(request.cluster.value());
  message.set_from(request.self.value());
  message.set_at_least(request.at_least.value());
  message.set_snapshot(request.from.snapshot);
  message.set_file(request.from.file);
  message.set_offset(request.from.offset);
  const auto stub = paxos::v1::Peer::NewStub(ConnectToPeer(request.address));
  const auto reader = stub->FetchSnapshot(&context_, message);

  paxos::v1::SnapshotChunk chunk;
  absl::Status status;
  bool begun = false;
  while (status.ok() && reader->Read(&chunk)) {
    if (!begun) {
      status = sink.begin(chunk.snapshot());
      begun = true;
    } else {
      status = sink.take(chunk.file(), chunk.offset(), chunk.data());
    }
  }
  if (!status.ok()) {
    context_.TryCancel();
    // Whatever the sender sent beyond it is not wanted.
    while (reader->Read(&chunk)) {
    }
  }
  const grpc::Status end = reader->Finish();
  if (!status.ok()) return status;
  return {static_cast<absl::StatusCode>(end.error_code()), end.error_message()};
}

}  // namespace synod::rpc
