// Re-resolves one DNS name now and then, on a thread of its own, because getaddrinfo blocks.
//
// An empty or failed answer never replaces an earlier one: a broken name server must not take the
// backends away.
#ifndef SYNOD_BALANCER_CONTROL_SEED_RESOLVER_H_
#define SYNOD_BALANCER_CONTROL_SEED_RESOLVER_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"
#include "common/url/url.h"

namespace synod::balancer {

// host:port for every address of the name; an error says what the system said. Any thread.
using ResolveFunction = std::function<absl::StatusOr<std::vector<std::string>>(const HostPort&)>;

// getaddrinfo, TCP, IPv4 and IPv6.
absl::StatusOr<std::vector<std::string>> ResolveBySystem(const HostPort& name);

class SeedResolver {
 public:
  using OnResult = std::function<void(const absl::StatusOr<std::vector<std::string>>&)>;

  // Calls `on_result` on its thread: at once and every `interval`, with a sorted list that is not
  // empty or an error.
  SeedResolver(HostPort name, absl::Duration interval, ResolveFunction resolve, OnResult on_result);
  // Waits for a resolution under way.
  ~SeedResolver();

 private:
  void Run();

  const HostPort name_;
  const absl::Duration interval_;
  const ResolveFunction resolve_;
  const OnResult on_result_;
  Event stopping_;
  std::thread thread_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_SEED_RESOLVER_H_
