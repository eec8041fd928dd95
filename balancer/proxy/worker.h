// One thread of the data plane: a listening socket, the client connections it owns, a router and
// the connections to the backends. Workers share nothing but counters.
//
// A new connection goes to the worker that has the fewest, whichever socket accepted it: the
// kernel's spreading by address hash leaves few clients on few workers.
//
// Thread-safety: the public functions may be called from any thread.
#ifndef SYNOD_BALANCER_PROXY_WORKER_H_
#define SYNOD_BALANCER_PROXY_WORKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/types/span.h"
#include "balancer/proxy/backend_pool.h"
#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/proxy.h"
#include "balancer/proxy/resolver.h"
#include "balancer/proxy/transport.h"
#include "balancer/proxy/worker_context.h"
#include "balancer/view/view.h"

namespace synod::balancer {

class Worker final : public EventLoop::Handler, public ClientConnection::Owner {
 public:
  // Takes over `listener`. `options`, `clock` and `resolver` outlive the worker.
  Worker(int listener, const ProxyOptions& options, const Clock* clock, Resolver* resolver,
         std::shared_ptr<const View> view, uint64_t seed);
  ~Worker() override;

  // `peers`: all workers of the proxy, this one among them; they outlive its thread.
  void Start(absl::Span<const std::unique_ptr<Worker>> peers);

  void SetView(std::shared_ptr<const View> view);
  // Begins to drain; the thread ends when the last client is gone, or after drain_timeout and the
  // time it takes to tell the calls that are left.
  void Drain();
  void Join();

  const WorkerCounters& counters() const { return counters_; }

 private:
  void OnEvents(uint32_t epoll_events) override;
  void OnClientGone(ClientConnection* connection) override;

  void Accept();
  void StopAccepting();
  void PauseAccepting();
  void Adopt(std::unique_ptr<Transport> transport);
  Worker* LeastLoaded() const;
  uint64_t ConnectionsOfAll() const;
  void BeginDrain();
  void EndDrain();
  void CloseRest();

  const ProxyOptions& options_;
  int listener_;  // -1 once closed
  EventLoop loop_;
  WorkerCounters counters_;
  Router router_;
  BackendPool pool_;
  WorkerContext context_;
  absl::Span<const std::unique_ptr<Worker>> peers_;
  std::vector<std::unique_ptr<ClientConnection>> clients_;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_WORKER_H_
