#include "tests/support/tcp_ports.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::testing {
namespace {

constexpr int kFirstPort = 15000;
constexpr int kLastPort = 31999;

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool CanBind(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SYNOD_CHECK(fd >= 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = LoopbackAddress(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

// The lock file stays open, and with it the lock, until this process ends.
bool Claim(int port) {
  const std::string path = absl::StrCat("/tmp/synod-test-port-", port);
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && CanBind(port)) return true;
  close(fd);
  return false;
}

}  // namespace

std::vector<int> FreePorts(int count) {
  static int next = kFirstPort + getpid() * 37 % (kLastPort - kFirstPort);
  std::vector<int> ports;
  for (int tried = 0; static_cast<int>(ports.size()) < count; ++tried) {
    SYNOD_CHECK(tried < kLastPort - kFirstPort);
    if (++next > kLastPort) next = kFirstPort;
    if (Claim(next)) ports.push_back(next);
  }
  return ports;
}

std::string Loopback(int port) {
  return absl::StrCat("127.0.0.1:", port);
}

bool Accepts(const std::string& address) {
  int port = 0;
  SYNOD_CHECK(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SYNOD_CHECK(fd >= 0);
  const sockaddr_in target = LoopbackAddress(port);
  const bool accepted =
      connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) == 0;
  close(fd);
  return accepted;
}

}  // namespace synod::testing
