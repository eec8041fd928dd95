// The gRPC admin listener: synod.balancer.v1.Admin, health, reflection (v1alpha) and channelz.
//
// Whoever reaches it may steer the balancer, so by default it listens on loopback alone.
#ifndef SYNOD_BALANCER_CONTROL_ADMIN_SERVER_H_
#define SYNOD_BALANCER_CONTROL_ADMIN_SERVER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "balancer/control/control.h"
#include "common/log/log.h"
#include "common/url/url.h"

namespace synod::balancer {

class AdminServer {
 public:
  // Port 0 picks a free one. FailedPrecondition, with the address, when it cannot be bound.
  // `control`, `log` and `clock` outlive it.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const HostPort& listen,
                                                            Control* control, Log* log,
                                                            const Clock* clock);

  // Cancels what is under way.
  virtual ~AdminServer() = default;

  virtual uint16_t port() const = 0;

  // What health tells from now on.
  virtual void SetServing(bool serving) = 0;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_ADMIN_SERVER_H_
