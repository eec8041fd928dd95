#include "balancer/policies/replay.h"

#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

// balancing.md, retry throttle: of ten tokens five failures stop retries.
TEST(RetryBudgetTest, FiveFailuresStopRetriesAndSuccessesBringThemBack) {
  RetryBudget budget;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(budget.OnFailure()) << i;
  EXPECT_FALSE(budget.OnFailure());
  for (int i = 0; i < 15; ++i) budget.OnSuccess();
  EXPECT_TRUE(budget.OnFailure());
}

FailedAttempt First(bool unprocessed, bool idempotent) {
  return {.unprocessed = unprocessed,
          .idempotent = idempotent,
          .repeatable = true,
          .attempts = 1,
          .backends = 3};
}

TEST(MayReplayTest, WhatNobodyActedOnAndReads) {
  RetryBudget budget;
  EXPECT_TRUE(MayReplay(First(true, false), budget));
  EXPECT_TRUE(MayReplay(First(true, true), budget));
  EXPECT_TRUE(MayReplay(First(false, true), budget));
  EXPECT_FALSE(MayReplay(First(false, false), budget)) << "a write that may have been executed";
}

TEST(MayReplayTest, NotWithoutTheWholeRequestNorForEver) {
  RetryBudget budget;
  FailedAttempt failed = First(true, true);
  failed.repeatable = false;
  EXPECT_FALSE(MayReplay(failed, budget));
  failed.repeatable = true;
  failed.attempts = 3;
  EXPECT_TRUE(MayReplay(failed, budget)) << "once around, and one more";
  failed.attempts = 4;
  EXPECT_FALSE(MayReplay(failed, budget));
}

TEST(MayReplayTest, TheBudgetCountsReadsThatMayHaveRun) {
  RetryBudget budget;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(MayReplay(First(true, true), budget)) << i;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(MayReplay(First(false, true), budget)) << i;
  EXPECT_FALSE(MayReplay(First(false, true), budget));
}

}  // namespace
}  // namespace synod::balancer
