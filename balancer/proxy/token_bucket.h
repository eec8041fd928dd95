// Two small budgets: a rate limit for what a peer may do to us, and gRPC's retry throttle for what
// we may do to the backends.
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

// gRFC A6, "Throttling retry attempts and hedged RPCs", with its recommended numbers: a retryable
// failure costs one token of ten, a success earns a tenth, and a retry needs more than half.
class RetryBudget {
 public:
  void OnSuccess() { tokens_ = std::min(kMaxTokens, tokens_ + kTokenRatio); }

  // Counts the failure; true when it may be retried.
  bool OnFailure() {
    tokens_ = std::max(0.0, tokens_ - 1);
    return tokens_ > kMaxTokens / 2;
  }

 private:
  static constexpr double kMaxTokens = 10;
  static constexpr double kTokenRatio = 0.1;
  double tokens_ = kMaxTokens;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_TOKEN_BUCKET_H_
