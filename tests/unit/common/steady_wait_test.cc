// The clock cannot be set in a test; what can be shown is that waits end, and when.
#include "common/steady_wait.h"

#include <thread>

#include "common/clock.h"
#include "gtest/gtest.h"

namespace synod {
namespace {

constexpr absl::Duration kShort = absl::Milliseconds(20);

TEST(SteadyCondVarTest, WaitsAtLeastAsLongAsItWasTold) {
  const SystemClock clock;
  absl::Mutex mutex;
  SteadyCondVar never;
  const absl::Duration start = clock.Monotonic();
  absl::MutexLock lock(&mutex);
  while (!never.WaitWithTimeout(&mutex, kShort)) {
  }
  EXPECT_GE(clock.Monotonic() - start, kShort);
  mutex.AssertHeld();
}

TEST(SteadyCondVarTest, TakesEveryTimeout) {
  absl::Mutex mutex;
  SteadyCondVar changed;
  for (const absl::Duration none : {absl::ZeroDuration(), -absl::InfiniteDuration()}) {
    absl::MutexLock lock(&mutex);
    EXPECT_TRUE(changed.WaitWithTimeout(&mutex, none));
  }
  bool set = false;
  std::thread other([&] {
    absl::MutexLock lock(&mutex);
    set = true;
    changed.Signal();
  });
  {
    absl::MutexLock lock(&mutex);
    while (!set) EXPECT_FALSE(changed.WaitWithTimeout(&mutex, absl::InfiniteDuration()));
  }
  other.join();
}

TEST(EventTest, WakesAllWhoWaitAndStays) {
  Event event;
  EXPECT_FALSE(event.HasBeenNotified());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(event.WaitWithTimeout(kShort));
  EXPECT_GE(std::chrono::steady_clock::now() - start, absl::ToChronoNanoseconds(kShort));
  const auto wait = [&] { EXPECT_TRUE(event.WaitWithTimeout(absl::InfiniteDuration())); };
  std::thread one(wait);
  std::thread two(wait);
  event.Notify();
  one.join();
  two.join();
  EXPECT_TRUE(event.HasBeenNotified());
  EXPECT_TRUE(event.WaitWithTimeout(absl::ZeroDuration()));
}

}  // namespace
}  // namespace synod
