#include "balancer/proxy/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace synod::balancer {
namespace {

IoResult FromErrno() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {.kind = IoResult::kWouldBlock};
  }
  return {.kind = IoResult::kClosed, .error = std::strerror(errno)};
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  ~PlainTransport() override {
    // Closing with unread input sends a RST, which may overtake our last words: discard it first.
    shutdown(fd_, SHUT_WR);
    for (int i = 0; i < 16 && recv(fd_, nullptr, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) > 0; ++i) {
    }
    close(fd_);
  }

  int fd() const override { return fd_; }

  IoResult Read(absl::Span<char> buffer) override {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n > 0) return {.bytes = static_cast<size_t>(n)};
    if (n == 0) return {.kind = IoResult::kClosed, .error = "the peer closed the connection"};
    return FromErrno();
  }

  IoResult Write(absl::Span<const iovec> pieces) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const ssize_t n = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n >= 0) return {.bytes = static_cast<size_t>(n)};
    return FromErrno();
  }

  std::string ConnectError() override {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    return error == 0 ? "" : std::strerror(error);
  }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<Transport> NewPlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

}  // namespace synod::balancer
