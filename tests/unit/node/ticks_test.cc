#include "services/node/ticks.h"

#include <gtest/gtest.h>

namespace synod::node {
namespace {

TEST(TicksTest, ElectionTimeoutIsTheLongestWait) {
  const Ticks ticks(absl::Milliseconds(100), absl::Seconds(1));
  EXPECT_EQ(ticks.tick(), absl::Milliseconds(25));
  // Patience is at most one and a half times election_ticks, rounded up (replica.h).
  const int longest = ticks.election_ticks() + (ticks.election_ticks() + 1) / 2;
  EXPECT_LE(longest * ticks.tick(), absl::Seconds(1));
  EXPECT_GE(ticks.election_ticks() * ticks.tick(), absl::Milliseconds(600));
}

TEST(TicksTest, SmallestAllowedTimeoutsLeaveRoomForLostHeartbeats) {
  const Ticks ticks(absl::Milliseconds(1), absl::Milliseconds(5));
  EXPECT_GE(ticks.election_ticks(), 3 * Ticks::kPerHeartbeat);
}

TEST(TicksTest, FractionsOfATickAreKept) {
  const Ticks ticks(absl::Milliseconds(100), absl::Seconds(1));
  absl::Duration last = absl::Seconds(10);
  EXPECT_EQ(ticks.TakeDue(absl::Milliseconds(10'024), last), 0);
  EXPECT_EQ(ticks.TakeDue(absl::Milliseconds(10'060), last), 2);
  EXPECT_EQ(last, absl::Milliseconds(10'050));
  EXPECT_EQ(ticks.TakeDue(absl::Milliseconds(10'076), last), 1);
}

TEST(TicksTest, LongPauseDoesNotCountAsElectionTimeout) {
  const Ticks ticks(absl::Milliseconds(100), absl::Seconds(1));
  absl::Duration last;
  EXPECT_EQ(ticks.TakeDue(absl::Hours(1), last), ticks.election_ticks() / 2);
  EXPECT_EQ(last, absl::Hours(1));
}

}  // namespace
}  // namespace synod::node
