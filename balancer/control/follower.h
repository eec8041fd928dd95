// Follows one backend and writes what it hears on the fact board: its view stream (not in generic
// mode) and its health by grpc.health.v1, by Watch, or by Check once a second where there is no
// Watch or no view stream. A service without either counts as serving while it answers at all.
//
// A backend that says nothing, neither view nor answer to a check, is connected to anew. Keepalive
// pings would not do: gRPC servers take one more often than every five minutes for abuse.
//
// Thread-safety: Tick and the destructor from one thread, which must not hold the board's lock.
#ifndef SYNOD_BALANCER_CONTROL_FOLLOWER_H_
#define SYNOD_BALANCER_CONTROL_FOLLOWER_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "balancer/control/fact_board.h"
#include "common/clock.h"

namespace synod::balancer {

struct FollowerOptions {
  bool generic = false;
  absl::Duration view_interval = absl::Milliseconds(200);   // asked of the node
  absl::Duration retry_interval = absl::Milliseconds(200);  // after a stream ended
  absl::Duration check_interval = absl::Seconds(1);
  absl::Duration check_timeout = absl::Seconds(1);
  absl::Duration silence_limit = absl::Seconds(2);  // above five view intervals and check_timeout
};

class Follower {
 public:
  // `board` and `clock` outlive it.
  static std::unique_ptr<Follower> Start(const std::string& address, const FollowerOptions& options,
                                         FactBoard* board, const Clock* clock);

  // Cancels what is under way and waits for its end.
  virtual ~Follower() = default;

  // Starts again what has ended and is due.
  virtual void Tick() = 0;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_FOLLOWER_H_
