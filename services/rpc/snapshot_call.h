// Fetching a snapshot: one call, chunk after chunk handed to whoever keeps them.
//
// Thread-safety: Run once; Cancel from any thread, also before Run.
#ifndef SYNOD_SERVICES_RPC_SNAPSHOT_CALL_H_
#define SYNOD_SERVICES_RPC_SNAPSHOT_CALL_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "grpcpp/client_context.h"
#include "services/rpc/snapshot_source.h"

namespace synod::rpc {

class SnapshotCall {
 public:
  struct Request {
    std::string address;  // host:port
    ClusterId cluster;
    NodeId self;
    Slot at_least;
    SnapshotPlace from;
  };

  // What arrives, in order; an error ends the call with it. The descriptor comes once, first.
  struct Sink {
    std::function<absl::Status(absl::string_view descriptor)> begin;
    std::function<absl::Status(uint32_t file, uint64_t offset, absl::string_view data)> take;
  };

  // Blocks until everything from the place on has come. Errors are the sink's, and the sender's:
  // NotFound when the snapshot to be resumed is gone, ResourceExhausted when it serves too many,
  // Unavailable when the connection broke.
  absl::Status Run(const Request& request, const Sink& sink);

  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_SNAPSHOT_CALL_H_
