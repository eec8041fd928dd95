// The bytes under an HTTP/2 connection. Plain TCP here; TLS is another Transport, and nothing above
// this line knows which one it has.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_TRANSPORT_H_
#define SYNOD_BALANCER_PROXY_TRANSPORT_H_

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/types/span.h"

namespace synod::balancer {

struct IoResult {
  enum Kind { kOk, kWouldBlock, kClosed };
  Kind kind = kOk;
  size_t bytes = 0;        // kOk: at least one
  std::string error = {};  // kClosed: why, for people
};

class Transport {
 public:
  virtual ~Transport() = default;

  // For the event loop; owned by the transport.
  virtual int fd() const = 0;

  virtual IoResult Read(absl::Span<char> buffer) = 0;
  virtual IoResult Write(absl::Span<const iovec> pieces) = 0;

  // What the connection attempt came to, once the descriptor is writable: empty when it succeeded.
  virtual std::string ConnectError() = 0;
};

// Takes over a non-blocking TCP socket.
std::unique_ptr<Transport> NewPlainTransport(int fd);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_TRANSPORT_H_
