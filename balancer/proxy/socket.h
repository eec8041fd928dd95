// TCP sockets the way the data plane wants them: non-blocking, close-on-exec, no Nagle delay.
#ifndef SYNOD_BALANCER_PROXY_SOCKET_H_
#define SYNOD_BALANCER_PROXY_SOCKET_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace synod::balancer {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Looks `host:port` (or `[v6]:port`) up. Blocks on the system's resolver unless `numeric_only`, and
// then refuses names. InvalidArgument for a malformed address, Unavailable when the name has none.
absl::StatusOr<SocketAddress> ResolveAddress(absl::string_view host_port, bool numeric_only);

// `count` listening sockets on one address, between which the kernel spreads connections. A port
// that any other socket listens on is refused even if that socket would share it.
// FailedPrecondition when it is in use. The caller closes them.
absl::StatusOr<std::vector<int>> ListenAll(const std::string& host_port, int count);

uint16_t LocalPort(int fd);

// Starts connecting; the socket becomes writable when that has ended. Unavailable with the reason
// when it could not even start.
absl::StatusOr<int> StartConnect(const SocketAddress& address);

// Options of every connection, accepted or made: no delay, and probes that find a dead host.
void SetConnectionOptions(int fd);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_SOCKET_H_
