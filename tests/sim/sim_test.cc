// The simulator itself: something happens in its runs, and a seed replays exactly. The sweeps and
// the planted bugs are CTest entries of their own (CMakeLists.txt).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/sim/plant.h"
#include "tests/sim/run.h"
#include "tests/sim/sweep.h"

namespace synod::sim {
namespace {

TEST(SimTest, ASweepIsCleanAndEventful) {
  SweepOptions options;
  options.last = 30;
  options.jobs = 2;
  const SweepTotals totals = Sweep(options, [](const RunResult& result) {
    ADD_FAILURE() << result.failure << "\nreplay: " << ReplayCommand(result.seed, Plant::kNone)
                  << " --trace";
  });
  EXPECT_EQ(totals.runs, 30);
  // A sweep in which nothing happens would be clean too.
  EXPECT_GT(totals.faults, 300);
  EXPECT_GT(totals.elections, 30);
  EXPECT_GT(totals.chosen_slots, 1500);
  EXPECT_GT(totals.succeeded, 3000);
}

TEST(SimTest, ASeedReplaysExactlyAndTracingDoesNotDisturbIt) {
  const RunResult first = sim::Run({7}, nullptr);
  std::ostringstream trace;
  const RunResult second = sim::Run({7}, &trace);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.events, second.events);
  EXPECT_THAT(trace.str(), testing::HasSubstr("kind=Heartbeat"));
  EXPECT_NE(first.trace_hash, sim::Run({8}, nullptr).trace_hash);
}

}  // namespace
}  // namespace synod::sim
