// A rate limit for what a peer may do to us.
//
// Thread-safety: none; one worker owns each.
#ifndef SYNOD_BALANCER_PROXY_TOKEN_BUCKET_H_
#define SYNOD_BALANCER_PROXY_TOKEN_BUCKET_H_

#include <algorithm>

#include "absl/time/time.h"

namespace synod::balancer {

// Starts full with `burst` tokens and gains `per_second`, never above `burst`.
class TokenBucket {
 public:
  TokenBucket(double burst, double per_second, absl::Duration now)
      : burst_(burst), per_second_(per_second), tokens_(burst), updated_(now) {}

  // Takes one token; false when there is none.
  bool Take(absl::Duration now) {
    tokens_ = std::min(burst_, tokens_ + per_second_ * absl::ToDoubleSeconds(now - updated_));
    updated_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  // Gives back `tokens`, for work that pays for what the peer will send.
  void Earn(double tokens) { tokens_ = std::min(burst_, tokens_ + tokens); }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  absl::Duration updated_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_TOKEN_BUCKET_H_
