// Time as the core counts it.
//
// A tick is a quarter of the heartbeat interval, so that election timeouts have many distinct
// values to be drawn from. A follower's patience is drawn from [1, 1.5) times election_ticks
// (replica.h); election_ticks is two thirds of --election-timeout, which makes that flag the
// longest wait. With etcd's defaults (100 ms, 1000 ms) a dead leader is missed after 0.65 to 0.98
// s; probe, phase 1 and the first slot are three round trips and two syncs, some 10 ms: writes
// resume within about a second, half of what is promised.
#ifndef SYNOD_SERVICES_NODE_TICKS_H_
#define SYNOD_SERVICES_NODE_TICKS_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "services/paxos/replica.h"

namespace synod::node {

class Ticks {
 public:
  static constexpr int kPerHeartbeat = 4;

  // Precondition: election_timeout is at least five times heartbeat_interval.
  Ticks(absl::Duration heartbeat_interval, absl::Duration election_timeout)
      : tick_(heartbeat_interval / kPerHeartbeat),
        election_ticks_(static_cast<int>(2 * election_timeout / (3 * tick_))),
        timeout_ticks_(static_cast<int>(election_timeout / tick_)) {}

  absl::Duration tick() const { return tick_; }
  int election_ticks() const { return election_ticks_; }

  void SetIn(paxos::ReplicaOptions& options) const {
    options.heartbeat_ticks = kPerHeartbeat;
    options.election_ticks = election_ticks_;
    options.log_stall_ticks = timeout_ticks_;
  }

  // How many ticks are due at `now`, the last one having been at `last`, which moves on by as many.
  // After a long pause (a stopped process, a stalled machine) at most half an election timeout's
  // worth: the others' messages of that time are still unread, and what they say comes first.
  int TakeDue(absl::Duration now, absl::Duration& last) const {
    const auto due = (now - last) / tick_;
    last += due * tick_;
    return static_cast<int>(std::min<int64_t>(due, election_ticks_ / 2));
  }

 private:
  absl::Duration tick_;
  int election_ticks_;
  int timeout_ticks_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_TICKS_H_
