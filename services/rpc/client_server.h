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

namespace synod::rpc {

struct ClientServerOptions {
  std::vector<std::string> listen;  // host:port each; port 0 picks a free one
  size_t max_request_bytes = 1'572'864;
  int max_txn_ops = 128;
  uint32_t max_concurrent_streams = 1'000;            // per connection
  absl::Duration request_timeout = absl::Seconds(7);  // etcd: 5 s + 2 election timeouts
};

class ClientServer {
 public:
  // FailedPrecondition, with the address, when a port is in use. The backend outlives the server.
  static absl::StatusOr<std::unique_ptr<ClientServer>> Start(ClientServerOptions options,
                                                             Backend* backend);
  virtual ~ClientServer() = default;

  virtual std::vector<uint16_t> ports() const = 0;

  // Health turns NOT_SERVING; calls under way may finish until the deadline, then are cancelled.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CLIENT_SERVER_H_
