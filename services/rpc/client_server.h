// The gRPC server on a node's client port: etcd's services, cluster view, health, reflection.
#ifndef SYNOD_SERVICES_RPC_CLIENT_SERVER_H_
#define SYNOD_SERVICES_RPC_CLIENT_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/rpc/backend.h"
#include "services/rpc/call_observer.h"

namespace synod::rpc {

struct ClientServerOptions {
  std::vector<std::string> listen;  // host:port each; port 0 picks a free one
  size_t max_request_bytes = 1'572'864;
  int max_txn_ops = 128;
  uint32_t max_concurrent_streams = 1'000;            // per connection
  absl::Duration request_timeout = absl::Seconds(7);  // etcd: 5 s + 2 election timeouts

  // Health: a node that has been without quorum contact for longer is NOT_SERVING, ...
  absl::Duration quorum_contact_limit = absl::Seconds(3);

  // ... and one whose log or state machine has: its disk hangs, or is full, and what comes in
  // waits.
  absl::Duration stall_limit = absl::Seconds(3);

  // Threads for the reads of single keys that have become safe, and as many for ranges.
  int read_threads = 2;

  CallObserver* observer = nullptr;  // outlives the server
};

class ClientServer {
 public:
  // FailedPrecondition, with the address, when a port is in use. The backend outlives the server.
  static absl::StatusOr<std::unique_ptr<ClientServer>> Start(ClientServerOptions options,
                                                             Backend* backend);
  virtual ~ClientServer() = default;

  virtual std::vector<uint16_t> ports() const = 0;

  // Health turns NOT_SERVING and streams end; calls under way may finish until the deadline, then
  // are cancelled. Returns when all are done, which a cancelled call is only once the backend has
  // answered: let it answer with kStopped by then. The destructor does this without grace.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CLIENT_SERVER_H_
