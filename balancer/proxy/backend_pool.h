// One worker's connections to the backends: opened on demand, kept warm, and more of them when
// streams run out.
//
// Calls wait here only while connections are being made: at most connect_timeout, at most
// kMaxWaiting of them per backend. When every connection has all its streams in use and no more may
// be opened, the caller is told so at once.
//
// Long-lived streams have connections of their own: a watch must not starve behind bulk reads.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_BACKEND_POOL_H_
#define SYNOD_BALANCER_PROXY_BACKEND_POOL_H_

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/proxy/backend_connection.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/proxy.h"
#include "balancer/view/view.h"

namespace synod::balancer {

class Resolver;

class BackendPool {
 public:
  enum class Lane { kCalls, kStreams };
  static constexpr size_t kMaxWaiting = 4096;

  class Waiter {
   public:
    virtual ~Waiter() = default;
    // The connection has room for one more stream.
    virtual void OnConnection(BackendConnection* connection) = 0;
    // `failed`: the backend could not be reached; otherwise it is there, but full.
    virtual void OnNoConnection(bool failed, absl::string_view reason) = 0;
  };

  BackendPool(EventLoop* loop, Resolver* resolver, const ProxyOptions& options);
  ~BackendPool();

  // Answers the waiter once, before or after it returns.
  void Request(const std::string& address, Lane lane, Waiter* waiter);
  // The waiter no longer wants an answer.
  void Cancel(const std::string& address, Lane lane, Waiter* waiter);

  // Retires the connections to backends that are not in the view.
  void SetView(const View& view);

 private:
  class Group;
  using Groups = absl::flat_hash_map<std::string, std::unique_ptr<Group>>;

  EventLoop* loop_;
  Resolver* resolver_;
  const ProxyOptions& options_;
  bool ping_ = true;
  std::array<Groups, 2> groups_;  // by Lane
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_BACKEND_POOL_H_
