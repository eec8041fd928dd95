// Opening gRPC servers with errors a person can act on.
#ifndef SYNOD_SERVICES_RPC_LISTEN_H_
#define SYNOD_SERVICES_RPC_LISTEN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace synod::rpc {

// Whether a server could listen on `address` (host:port) now. FailedPrecondition names it, says why
// not and what to do. The listener itself finds out for sure: another one may be quicker.
absl::Status CheckFree(const std::string& address);

struct ListeningServer {
  std::unique_ptr<grpc::Server> server;
  std::vector<uint16_t> ports;  // in the order of the addresses
};

// Adds the addresses (host:port, port 0 picks a free one) to `builder` and starts it. A port is
// never shared with another process. FailedPrecondition like CheckFree's.
absl::StatusOr<ListeningServer> Listen(grpc::ServerBuilder& builder,
                                       const std::vector<std::string>& addresses);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_LISTEN_H_
