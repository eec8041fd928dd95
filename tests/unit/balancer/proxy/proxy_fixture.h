// A proxy in this process in front of the backends a test names.
#ifndef SYNOD_TESTS_UNIT_BALANCER_PROXY_PROXY_FIXTURE_H_
#define SYNOD_TESTS_UNIT_BALANCER_PROXY_PROXY_FIXTURE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "balancer/proxy/proxy.h"
#include "common/check.h"
#include "tests/support/http2/raw_peer.h"

namespace synod::balancer {

// The system's clock, set ahead by hand.
class SteppedClock final : public Clock {
 public:
  absl::Duration Monotonic() const override {
    return system_.Monotonic() + absl::Nanoseconds(ahead_ns_.load());
  }
  absl::Time Wall() const override { return system_.Wall(); }
  void Advance(absl::Duration step) { ahead_ns_ += absl::ToInt64Nanoseconds(step); }

 private:
  const SystemClock system_;
  std::atomic<int64_t> ahead_ns_{0};
};

class TestProxy {
 public:
  explicit TestProxy(const std::vector<std::string>& addresses, ProxyOptions options = {},
                     bool generic = true) {
    options.listen = "127.0.0.1:0";
    auto proxy = Proxy::Start(std::move(options), MakeView(addresses, generic), &clock_);
    SYNOD_CHECK(proxy.ok()) << proxy.status().ToString();
    proxy_ = *std::move(proxy);
  }

  Proxy& operator*() { return *proxy_; }
  Proxy* operator->() { return proxy_.get(); }
  uint16_t port() const { return proxy_->port(); }

  void SetBackends(const std::vector<std::string>& addresses, bool generic = true) {
    proxy_->SetView(MakeView(addresses, generic));
  }

  BackendStats& stats(const std::string& address) {
    auto& stats = stats_[address];
    if (stats == nullptr) stats = std::make_shared<BackendStats>();
    return *stats;
  }

  // The worker notices when it turns the next time.
  void Advance(absl::Duration step) { clock_.Advance(step); }

  void Stop() { proxy_.reset(); }

 private:
  std::shared_ptr<const View> MakeView(std::vector<std::string> addresses, bool generic) {
    std::sort(addresses.begin(), addresses.end());
    auto view = std::make_shared<View>();
    view->version = ++version_;
    view->policy = "round_robin";
    view->generic = generic;
    view->write_routing = WriteRouting::kPolicy;
    for (const std::string& address : addresses) {
      stats(address);
      Backend backend;
      backend.name = backend.address = address;
      backend.state = BackendState::kReady;
      backend.stats = stats_[address];
      view->backends.push_back(std::move(backend));
    }
    return view;
  }

  SteppedClock clock_;
  uint64_t version_ = 0;
  std::map<std::string, std::shared_ptr<BackendStats>> stats_;
  std::unique_ptr<Proxy> proxy_;
};

// Has the proxy's worker turn twice: what it could have done before this call is done after it, as
// a turn handles all that is ready and answers at its end. For proxies of one worker.
inline bool TurnTwice(test::RawPeer& client) {
  const int acks = client.ping_acks() + 2;
  while (client.ping_acks() < acks) {
    const int next = client.ping_acks() + 1;
    client.Ping();
    if (!test::RunUntil({&client}, [&] { return client.ping_acks() == next; })) return false;
  }
  return true;
}

// The same by a connection of its own; one more is open as long as that lives.
inline std::unique_ptr<test::RawPeer> Settle(TestProxy& proxy) {
  auto witness = test::RawPeer::Connect(proxy.port());
  SYNOD_CHECK(TurnTwice(*witness)) << "the proxy answers no ping";
  return witness;
}

inline test::Headers GrpcRequest(const std::string& path, test::Headers more = {}) {
  test::Headers headers = {{":method", "POST"},
                           {":scheme", "http"},
                           {":path", path},
                           {":authority", "front.door"},
                           {"content-type", "application/grpc"},
                           {"te", "trailers"}};
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

inline test::Headers GrpcResponse() {
  return {{":status", "200"}, {"content-type", "application/grpc"}};
}

}  // namespace synod::balancer

#endif  // SYNOD_TESTS_UNIT_BALANCER_PROXY_PROXY_FIXTURE_H_
