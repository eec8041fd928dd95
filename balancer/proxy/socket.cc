#include "balancer/proxy/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/url/cannot_listen.h"

namespace synod::balancer {
namespace {

void SetOption(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

absl::Status ListenError(const std::string& host_port, absl::string_view what) {
  const int error = errno;
  if (error == EADDRINUSE) return CannotListen(host_port, std::strerror(error));
  return absl::InvalidArgumentError(
      absl::StrCat("cannot listen on ", host_port, ": ", what, ": ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<SocketAddress> ResolveAddress(absl::string_view host_port, bool numeric_only) {
  const size_t colon = host_port.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(host_port.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", host_port, "' is not an address; write host:port or [ipv6]:port"));
  }
  absl::string_view host = host_port.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  if (host.empty()) hints.ai_flags |= AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : std::string(host).c_str(),
                                absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot resolve '", host, "': ", gai_strerror(error)));
  }
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

absl::StatusOr<std::vector<int>> ListenAll(const std::string& host_port, int count) {
  absl::StatusOr<SocketAddress> address = ResolveAddress(host_port, /*numeric_only=*/false);
  if (!address.ok()) return absl::InvalidArgumentError(address.status().message());
  std::vector<int> sockets;
  auto close_all = absl::MakeCleanup([&sockets] {
    for (int fd : sockets) close(fd);
  });
  for (int i = 0; i < count; ++i) {
    const int fd =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return ListenError(host_port, "socket");
    sockets.push_back(fd);
    SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    // The first one binds without SO_REUSEPORT, which fails if anyone listens there, and shares the
    // port only afterwards, with the others of this process.
    if (i > 0) SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->size) != 0) {
      return ListenError(host_port, "bind");
    }
    if (i == 0) {
      SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      // With port 0, the others follow to the port the first one got.
      getsockname(fd, reinterpret_cast<sockaddr*>(&address->storage), &address->size);
    }
  }
  for (int fd : sockets) {
    if (listen(fd, SOMAXCONN) != 0) return ListenError(host_port, "listen");
  }
  std::move(close_all).Cancel();
  return sockets;
}

uint16_t LocalPort(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return ntohs(storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

absl::StatusOr<int> StartConnect(const SocketAddress& address) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError(absl::StrCat("socket: ", std::strerror(errno)));
  SetConnectionOptions(fd);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 &&
      errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    return absl::UnavailableError(std::strerror(error));
  }
  return fd;
}

void SetConnectionOptions(int fd) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
}

}  // namespace synod::balancer
