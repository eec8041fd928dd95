#include "balancer/policies/replay.h"

namespace synod::balancer {

bool MayReplay(const FailedAttempt& failed, RetryBudget& budget) {
  const bool possible =
      failed.repeatable && static_cast<size_t>(failed.attempts) < failed.backends + 1;
  if (failed.unprocessed) return possible;
  if (!failed.idempotent) return false;
  return budget.OnFailure() && possible;
}

}  // namespace synod::balancer
