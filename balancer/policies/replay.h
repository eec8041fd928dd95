// Whether a call may go to another backend after an attempt failed. What no backend acted on may,
// always; what one may have acted on only if it changes nothing, and within a budget.
//
// Pure. Thread-safety: none; one worker owns a budget.
#ifndef SYNOD_BALANCER_POLICIES_REPLAY_H_
#define SYNOD_BALANCER_POLICIES_REPLAY_H_

#include <algorithm>
#include <cstddef>

namespace synod::balancer {

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

// An attempt that ended before response headers.
struct FailedAttempt {
  bool unprocessed = false;  // the backend provably never acted on it
  bool idempotent = false;   // IsIdempotent of its path; never in generic mode
  bool repeatable = false;   // the whole request is still kept, and somebody waits for the answer
  int attempts = 0;          // of this call, with this one
  size_t backends = 0;       // of the view
};

// At most one attempt per backend and one more. Unprocessed attempts are replayed uncounted (gRFC
// A6, "transparent retries"); of the others only idempotent ones, which the budget counts.
bool MayReplay(const FailedAttempt& failed, RetryBudget& budget);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_REPLAY_H_
