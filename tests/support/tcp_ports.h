// Free TCP ports on loopback.
#ifndef SYNOD_TESTS_SUPPORT_TCP_PORTS_H_
#define SYNOD_TESTS_SUPPORT_TCP_PORTS_H_

#include <string>
#include <vector>

namespace synod::testing {

// `count` different ports that nobody listens on now. They come from below the kernel's range for
// outgoing connections, so that a client's own port cannot take one before the server starts, and
// each is locked for this process's lifetime against other tests that ask here.
std::vector<int> FreePorts(int count);

// "127.0.0.1:PORT"
std::string Loopback(int port);

// Whether somebody accepts connections at "host:port" (host as an IPv4 address).
bool Accepts(const std::string& address);

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_TCP_PORTS_H_
