// A small HTTP/1.1 server for what people and probes ask of a process: /metrics, /health, a status
// page. GET only. Not for bulk or untrusted traffic.
//
// Bounds: a fixed number of threads; connections beyond what they serve wait in a short queue and
// then in the kernel; one request per connection, which must begin within 1 s and not pause for
// longer. There are more threads than work asks for, so that connections that say nothing (a
// browser's spare ones, a port scan) do not keep a probe waiting.
#ifndef SYNOD_COMMON_METRICS_HTTP_SERVER_H_
#define SYNOD_COMMON_METRICS_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/url/url.h"

namespace synod {

struct HttpRequest {
  std::string path;
  std::multimap<std::string, std::string> query;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Called on the server's threads, several at once.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // Serves each exact path by its handler and answers 404 to all others. Port 0 picks a free port.
  // FailedPrecondition, with the address and the system's reason, when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const HostPort& listen, std::map<std::string, HttpHandler> handlers, int threads = 16);

  // Stops accepting, waits for the handlers under way and joins.
  virtual ~HttpServer() = default;

  // The port in use.
  virtual uint16_t port() const = 0;
};

}  // namespace synod

#endif  // SYNOD_COMMON_METRICS_HTTP_SERVER_H_
