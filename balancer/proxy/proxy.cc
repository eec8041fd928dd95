#include "balancer/proxy/proxy.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "balancer/proxy/resolver.h"
#include "balancer/proxy/socket.h"
#include "balancer/proxy/worker.h"

namespace synod::balancer {
namespace {

constexpr size_t kLeastWindow = 1 << 10;
constexpr size_t kMostWindow = (size_t{1} << 31) - 1;  // RFC 9113, section 6.9.1

absl::Status Validate(const ProxyOptions& options) {
  const auto bad = [](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("proxy: ", what));
  };
  if (options.threads < 1) return bad("threads must be at least 1");
  for (size_t window : {options.stream_buffer_bytes, options.connection_buffer_bytes}) {
    if (window < kLeastWindow || window > kMostWindow) {
      return bad("buffers must be between 1 KiB and 2 GiB - 1");
    }
  }
  if (options.max_header_bytes < kLeastWindow || options.max_header_bytes > (64 << 10)) {
    return bad("max_header_bytes must be between 1 KiB and 64 KiB");
  }
  if (options.connections_per_backend < 1 ||
      options.connections_per_backend > options.max_connections_per_backend) {
    return bad("connections_per_backend must be between 1 and max_connections_per_backend");
  }
  return absl::OkStatus();
}

class ProxyImpl final : public Proxy {
 public:
  ProxyImpl(ProxyOptions options, std::vector<int> listeners, std::shared_ptr<const View> view,
            const Clock* clock)
      : options_(std::move(options)), port_(LocalPort(listeners.front())) {
    Random seeds(static_cast<uint64_t>(absl::ToUnixNanos(clock->Wall())));
    for (int listener : listeners) {
      workers_.push_back(
          std::make_unique<Worker>(listener, options_, clock, &resolver_, view, seeds.Next()));
    }
    for (auto& worker : workers_) worker->Start(workers_);
  }

  ~ProxyImpl() override { Drain(); }

  uint16_t port() const override { return port_; }

  void SetView(std::shared_ptr<const View> view) override {
    for (auto& worker : workers_) worker->SetView(view);
  }

  ProxyCounters counters() const override {
    const auto read = [](const std::atomic<uint64_t>& counter) {
      return counter.load(std::memory_order_relaxed);
    };
    ProxyCounters sum;
    for (const auto& worker : workers_) {
      const WorkerCounters& counters = worker->counters();
      sum.client_connections += read(counters.client_connections);
      sum.connections_refused_total += read(counters.connections_refused_total);
      sum.streams_open += read(counters.streams_open);
      sum.connections_punished_total += read(counters.connections_punished_total);
      sum.calls_total += read(counters.calls_total);
      sum.refusals_total += read(counters.refusals_total);
      sum.replays_total += read(counters.replays_total);
      sum.retries_total += read(counters.retries_total);
    }
    return sum;
  }

  void Drain() override {
    for (auto& worker : workers_) worker->Drain();
    for (auto& worker : workers_) worker->Join();
  }

 private:
  const ProxyOptions options_;
  const uint16_t port_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // After the workers, so that it is gone before the loops it posts to.
  Resolver resolver_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Proxy>> Proxy::Start(ProxyOptions options,
                                                    std::shared_ptr<const View> view,
                                                    const Clock* clock) {
  if (absl::Status valid = Validate(options); !valid.ok()) return valid;
  absl::StatusOr<std::vector<int>> listeners = ListenAll(options.listen, options.threads);
  if (!listeners.ok()) return listeners.status();
  return std::make_unique<ProxyImpl>(std::move(options), *std::move(listeners), std::move(view),
                                     clock);
}

}  // namespace synod::balancer
