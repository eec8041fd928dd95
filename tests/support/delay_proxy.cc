#include "tests/support/delay_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <list>
#include <vector>

#include "absl/time/clock.h"
#include "common/check.h"

namespace synod::testing {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
// A direction that holds this much reads no more: the sender waits, as behind a full socket.
constexpr size_t kHeldBytes = 8 * 1024 * 1024;

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

struct Chunk {
  absl::Time due;
  std::string bytes;
};

// What waits to go out of one socket.
struct Direction {
  std::deque<Chunk> held;
  size_t held_bytes = 0;

  bool HasRoom() const { return held_bytes < kHeldBytes; }
  bool IsDue(absl::Time now) const { return !held.empty() && held.front().due <= now; }
};

struct Relay {
  int client = -1;
  int server = -1;
  Direction to_server;
  Direction to_client;
  bool frozen = false;
};

// False when the connection is over.
bool Receive(int from, absl::Time due, Direction& direction) {
  std::string bytes(kReadBytes, '\0');
  const ssize_t count = recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count == 0) return false;
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  bytes.resize(static_cast<size_t>(count));
  direction.held_bytes += bytes.size();
  direction.held.push_back({due, std::move(bytes)});
  return true;
}

// False when the connection is over.
bool SendDue(int to, absl::Time now, Direction& direction) {
  while (direction.IsDue(now)) {
    std::string& bytes = direction.held.front().bytes;
    const ssize_t count = send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    direction.held_bytes -= static_cast<size_t>(count);
    bytes.erase(0, static_cast<size_t>(count));
    if (bytes.empty()) direction.held.pop_front();
  }
  return true;
}

short EventsOf(const Direction& in, const Direction& out, absl::Time now) {
  return static_cast<short>((in.HasRoom() ? POLLIN : 0) | (out.IsDue(now) ? POLLOUT : 0));
}

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void Accept(int listener, int target_port, std::list<Relay>& relays) {
  const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = Connect(target_port);
  if (server < 0) {
    close(client);
    return;
  }
  SetNoDelay(client);
  SetNoDelay(server);
  relays.push_back({client, server, {}, {}});
}

void Close(const Relay& relay) {
  close(relay.client);
  close(relay.server);
}

// Milliseconds until the next held chunk is due, rounded up; -1 when nothing is held.
int PollTimeout(const std::list<Relay>& relays, absl::Time now) {
  absl::Duration wait = absl::InfiniteDuration();
  for (const Relay& relay : relays) {
    if (relay.frozen) continue;
    for (const Direction* direction : {&relay.to_server, &relay.to_client}) {
      // What is due already waits for POLLOUT, not for the clock.
      if (!direction->held.empty() && !direction->IsDue(now)) {
        wait = std::min(wait, direction->held.front().due - now);
      }
    }
  }
  if (wait == absl::InfiniteDuration()) return -1;
  return static_cast<int>(absl::ToInt64Milliseconds(wait)) + 1;
}

}  // namespace

DelayProxy::DelayProxy(int port, int target_port) : target_port_(target_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  stop_event_ = eventfd(0, EFD_CLOEXEC);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = LoopbackAddress(port);
  SYNOD_CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  SYNOD_CHECK(listen(listener_, 64) == 0);
  thread_ = std::thread([this] { Run(); });
}

DelayProxy::~DelayProxy() {
  eventfd_write(stop_event_, 1);
  thread_.join();
  close(listener_);
  close(stop_event_);
}

void DelayProxy::SetDelay(absl::Duration delay) {
  delay_us_ = absl::ToInt64Microseconds(delay);
}

void DelayProxy::Run() {
  std::list<Relay> relays;
  while (true) {
    absl::Time now = absl::Now();
    std::vector<pollfd> fds = {{stop_event_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Relay& relay : relays) {
      if (relay.frozen) continue;
      fds.push_back({relay.client, EventsOf(relay.to_server, relay.to_client, now), 0});
      fds.push_back({relay.server, EventsOf(relay.to_client, relay.to_server, now), 0});
    }
    poll(fds.data(), fds.size(), PollTimeout(relays, now));
    if (fds[0].revents != 0) break;
    now = absl::Now();
    const absl::Time due = now + absl::Microseconds(delay_us_.load());
    if (freeze_.exchange(false)) {
      for (Relay& relay : relays) relay.frozen = true;
      continue;
    }
    size_t at = 2;
    for (auto relay = relays.begin(); relay != relays.end();) {
      if (relay->frozen) {
        ++relay;
        continue;
      }
      constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
      bool alive = true;
      if (fds[at].revents & kReadable) alive &= Receive(relay->client, due, relay->to_server);
      if (fds[at + 1].revents & kReadable) alive &= Receive(relay->server, now, relay->to_client);
      alive = alive && SendDue(relay->server, now, relay->to_server) &&
              SendDue(relay->client, now, relay->to_client);
      at += 2;
      if (!alive) Close(*relay);
      relay = alive ? std::next(relay) : relays.erase(relay);
    }
    if (fds[1].revents != 0) Accept(listener_, target_port_, relays);
  }
  for (const Relay& relay : relays) Close(relay);
}

}  // namespace synod::testing
