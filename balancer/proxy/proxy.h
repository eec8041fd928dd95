// The data plane: HTTP/2 in, HTTP/2 out, thread per core, frames forwarded without parsing
// messages.
//
// It knows connections, streams and frames; what a backend is worth it learns from the View, and
// what it measured it writes to the backends' stats.
#ifndef SYNOD_BALANCER_PROXY_PROXY_H_
#define SYNOD_BALANCER_PROXY_PROXY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "balancer/view/view.h"
#include "common/clock.h"

namespace synod::balancer {

struct ProxyOptions {
  std::string listen = {};  // host:port; port 0 picks a free one
  int threads = 1;

  // Bounds. Each has a metric and a clear refusal. One client connection makes the proxy hold at
  // most 4 MiB + connection_buffer_bytes of requests that no backend took yet, and per stream
  // replay_buffer_bytes of its request and stream_buffer_bytes of the answer that the client does
  // not read: 5, 63 and 63 MiB by default. Watches share a connection, so streams are many.
  size_t max_client_connections = 10'000;
  uint32_t max_streams_per_client_connection = 1'000;
  size_t max_header_bytes = 16 << 10;
  size_t stream_buffer_bytes = 64 << 10;     // per direction: the flow-control window we grant
  size_t connection_buffer_bytes = 1 << 20;  // per connection: ditto
  size_t replay_buffer_bytes = 64 << 10;     // of a request kept for transparent replay
  int connections_per_backend = 2;           // per worker, to start with; more when streams run out
  int max_connections_per_backend = 16;      // per worker
  absl::Duration connect_timeout = absl::Seconds(2);         // until the backend's HTTP/2 SETTINGS
  absl::Duration backend_ping_interval = absl::Seconds(10);  // of silence; cluster mode only
  absl::Duration backend_ping_timeout = absl::Seconds(5);
  absl::Duration header_timeout = absl::Seconds(10);  // a client's preface and first headers
  absl::Duration drain_timeout = absl::Seconds(10);
  absl::Duration max_client_connection_age = absl::InfiniteDuration();  // jittered by 10 %
};

struct ProxyCounters {
  uint64_t client_connections = 0;
  uint64_t connections_refused_total = 0;   // beyond max_client_connections
  uint64_t connections_punished_total = 0;  // ended for resets or frames beyond their rate
  uint64_t streams_open = 0;
  uint64_t calls_total = 0;
  uint64_t refusals_total = 0;  // answered by the balancer itself
  uint64_t replays_total = 0;   // transparent: the backend provably never processed the call
  uint64_t retries_total = 0;   // of methods that change nothing, by budget
};

class Proxy {
 public:
  // Binds and starts the workers. InvalidArgument for a bad address; FailedPrecondition, with the
  // address, when it is in use.
  static absl::StatusOr<std::unique_ptr<Proxy>> Start(ProxyOptions options,
                                                      std::shared_ptr<const View> view,
                                                      const Clock* clock);
  virtual ~Proxy() = default;

  // The port in use.
  virtual uint16_t port() const = 0;

  // Swaps the view in for every later pick; calls under way are not disturbed. Any thread.
  virtual void SetView(std::shared_ptr<const View> view) = 0;

  virtual ProxyCounters counters() const = 0;

  // Stops accepting, sends GOAWAY twice, waits for the streams up to drain_timeout, ends those that
  // are left with UNAVAILABLE, closes and joins. Any thread but a worker. The destructor does it,
  // too; a second call does nothing.
  virtual void Drain() = 0;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_PROXY_H_
