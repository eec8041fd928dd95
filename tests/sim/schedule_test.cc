// Schedules of faults: as text, in a run, and shortened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/sim/fault.h"
#include "tests/sim/run.h"
#include "tests/sim/shrink.h"

namespace synod::sim {
namespace {

using testing::HasSubstr;

bool Contains(const Schedule& schedule, absl::Duration at) {
  return std::any_of(schedule.begin(), schedule.end(),
                     [at](const PlannedFault& fault) { return fault.at == at; });
}

Schedule Seconds(int count) {
  Schedule schedule;
  for (int i = 1; i <= count; ++i) schedule.emplace_back().at = absl::Seconds(i);
  return schedule;
}

TEST(ScheduleTest, ReadsWhatItWrote) {
  const Schedule drawn = ScheduleOf(11);
  ASSERT_GT(drawn.size(), 5);
  const auto parsed = ParseSchedule("# by hand\n\n" + FormatSchedule(drawn));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(FormatSchedule(*parsed), FormatSchedule(drawn));
}

TEST(ScheduleTest, NamesTheLineItCannotRead) {
  for (const char* bad : {"1s", "1s explode", "soon kill", "1s kill node", "1s kill nodes=1",
                          "1s kill node=x", "1s kill lasts=1"}) {
    const auto parsed = ParseSchedule(std::string("1s kill node=1\n") + bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("line 2")) << bad;
  }
}

TEST(ScheduleTest, TheSameFaultsFromAFileAreTheSameRun) {
  const RunResult drawn = sim::Run({11}, nullptr);
  const auto parsed = ParseSchedule(FormatSchedule(drawn.schedule));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(sim::Run({11, Plant::kNone, *parsed}, nullptr).trace_hash, drawn.trace_hash);
  EXPECT_NE(sim::Run({11, Plant::kNone, Schedule()}, nullptr).trace_hash, drawn.trace_hash);
}

TEST(ShrinkTest, LeavesTheFaultsThatMatter) {
  const auto fails = [](const Schedule& schedule) {
    return Contains(schedule, absl::Seconds(3)) && Contains(schedule, absl::Seconds(17));
  };
  const Schedule least = Shrink(Seconds(40), 1000, fails);
  EXPECT_EQ(least.size(), 2);
  EXPECT_TRUE(fails(least));
}

TEST(ShrinkTest, StopsAtItsBound) {
  int calls = 0;
  const Schedule least = Shrink(Seconds(40), 7, [&calls](const Schedule& schedule) {
    ++calls;
    return Contains(schedule, absl::Seconds(3)) && Contains(schedule, absl::Seconds(17));
  });
  EXPECT_EQ(calls, 7);
  EXPECT_TRUE(Contains(least, absl::Seconds(3)) && Contains(least, absl::Seconds(17)));
}

TEST(ShrinkTest, NamesTheRule) {
  EXPECT_EQ(RuleOf("node 2: A1: promise fell"), "A1");
  EXPECT_EQ(RuleOf("L1: a healed majority makes no progress"), "L1");
  EXPECT_EQ(RuleOf("something else"), "");
}

// The whole way: a run that fails is run apart, and its schedule shortened to what it takes.
TEST(ShrinkTest, ShrinksAPlantedBug) {
  const RunSpec spec{1, Plant::kForgetPromise, std::nullopt};
  uint64_t seed = 1;
  std::string rule;
  for (; rule.empty() && seed <= 60; ++seed) rule = RunApart({seed, spec.plant, std::nullopt});
  ASSERT_FALSE(rule.empty());
  --seed;
  const Schedule whole = ScheduleOf(seed);
  const Schedule least = Shrink(whole, 200, [&](const Schedule& schedule) {
    return RunApart({seed, spec.plant, schedule}) == rule;
  });
  EXPECT_LT(least.size(), whole.size());
  EXPECT_EQ(RunApart({seed, spec.plant, least}), rule);
}

}  // namespace
}  // namespace synod::sim
