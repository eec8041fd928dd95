#include "services/rpc/listen.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/strip.h"
#include "common/url/cannot_listen.h"
#include "grpcpp/security/server_credentials.h"

namespace synod::rpc {
namespace {

// Empty when `address` is free.
std::string WhyNot(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return "no port is given";
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* resolved = nullptr;
  const std::string host_text(host);
  const int rc = getaddrinfo(host_text.empty() ? nullptr : host_text.c_str(),
                             address.c_str() + colon + 1, &hints, &resolved);
  if (rc != 0) return gai_strerror(rc);
  std::string why;
  for (const addrinfo* one = resolved; one != nullptr && why.empty(); one = one->ai_next) {
    const int fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, one->ai_addr, one->ai_addrlen) != 0 || listen(fd, 1) != 0) {
      why = std::strerror(errno);
    }
    close(fd);
  }
  freeaddrinfo(resolved);
  return why;
}

}  // namespace

absl::Status CheckFree(const std::string& address) {
  const std::string why = WhyNot(address);
  return why.empty() ? absl::OkStatus() : CannotListen(address, why);
}

absl::StatusOr<ListeningServer> Listen(grpc::ServerBuilder& builder,
                                       const std::vector<std::string>& addresses) {
  if (addresses.empty()) return absl::InvalidArgumentError("no address to listen on is given");
  // gRPC says only that it failed.
  for (const std::string& address : addresses) {
    if (auto status = CheckFree(address); !status.ok()) return status;
  }
  // With SO_REUSEPORT a second node on the same port would silently take half of the connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::vector<int> selected(addresses.size(), 0);
  for (size_t i = 0; i < addresses.size(); ++i) {
    builder.AddListeningPort(addresses[i], grpc::InsecureServerCredentials(), &selected[i]);
  }
  ListeningServer result{builder.BuildAndStart(), {}};
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (selected[i] == 0) return CannotListen(addresses[i], "it was taken just now");
    result.ports.push_back(static_cast<uint16_t>(selected[i]));
  }
  if (result.server == nullptr) return absl::InternalError("gRPC did not start the server");
  return result;
}

}  // namespace synod::rpc
