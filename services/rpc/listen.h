// Opening gRPC servers with errors a person can act on.
#ifndef SYNOD_SERVICES_RPC_LISTEN_H_
#define SYNOD_SERVICES_RPC_LISTEN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace synod::rpc {

struct ListeningServer {
  std::unique_ptr<grpc::Server> server;
  std::vector<uint16_t> ports;  // in the order of the addresses
};

// Adds the addresses (host:port, port 0 picks a free one) to `builder` and starts it. A port is
// never shared with another process. FailedPrecondition names the address that cannot be listened
// on and says why.
absl::StatusOr<ListeningServer> Listen(grpc::ServerBuilder& builder,
                                       const std::vector<std::string>& addresses);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_LISTEN_H_
