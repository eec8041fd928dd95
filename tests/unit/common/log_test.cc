#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/synchronization/notification.h"
#include "common/ids.h"
#include "common/log/repeat_limiter.h"

namespace synod {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class FakeClock final : public Clock {
 public:
  absl::Duration Monotonic() const override { return now; }
  absl::Time Wall() const override { return absl::UnixEpoch() + now; }
  absl::Duration now;
};

// Lines that reach the sink; complete once the log is destroyed.
struct Collected {
  Log::Sink sink() {
    return [this](absl::string_view line) { lines.emplace_back(line); };
  }
  std::vector<std::string> lines;
};

TEST(LogTest, TextLineHasTimeLevelEventAndFields) {
  FakeClock clock;
  Collected collected;
  {
    Log log({}, &clock, collected.sink());
    log.Info("became leader").With("node", NodeId(7)).With("error", "no space").With("ok", true);
  }
  EXPECT_THAT(collected.lines,
              ElementsAre(MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]+Z INFO  became leader node=7 "
                                       "error=\"no space\" ok=true\n")));
}

TEST(LogTest, JsonLineIsEscaped) {
  FakeClock clock;
  Collected collected;
  {
    LogOptions options;
    options.format = LogFormat::kJson;
    Log log(options, &clock, collected.sink());
    log.Warn("odd \"path\"").With("path", "a\nb");
  }
  EXPECT_THAT(collected.lines,
              ElementsAre(MatchesRegex("\\{\"ts\":\"[^\"]+Z\",\"level\":\"warn\",\"msg\":\"odd "
                                       "\\\\\"path\\\\\"\",\"path\":\"a\\\\u000ab\"\\}\n")));
}

TEST(LogTest, LinesBelowTheLevelAreLeftOut) {
  FakeClock clock;
  Collected collected;
  {
    LogOptions options;
    options.level = LogLevel::kWarn;
    Log log(options, &clock, collected.sink());
    log.Info("quiet");
    log.Error("loud");
  }
  EXPECT_THAT(collected.lines, ElementsAre(HasSubstr("ERROR loud")));
}

TEST(LogTest, BlockedSinkDropsLinesAndNeverBlocksTheWriter) {
  FakeClock clock;
  absl::Notification release;
  std::vector<std::string> lines;
  LogOptions options;
  options.queue_lines = 16;
  options.repeat_lines = 1'000'000;
  {
    Log log(options, &clock, [&](absl::string_view line) {
      release.WaitForNotification();
      lines.emplace_back(line);
    });
    for (int i = 0; i < 1000; ++i) log.Info("line").With("i", i);
    EXPECT_GE(log.dropped_total(), 1000u - 16 - 2);
    release.Notify();
  }
  EXPECT_LE(lines.size(), 18u);
  EXPECT_THAT(lines.back(), HasSubstr("i=999"));
}

TEST(RepeatLimiterTest, LeavesOutRepeatsAndTellsHowMany) {
  RepeatLimiter limiter(2, absl::Seconds(10));
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(1)), 0);
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(2)), 0);
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(3)), std::nullopt);
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(10)), std::nullopt);
  EXPECT_EQ(limiter.Admit("b", absl::Seconds(10)), 0) << "events are counted apart";
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(11)), 2) << "a new interval begins";
  EXPECT_EQ(limiter.Admit("a", absl::Seconds(11)), 0);
}

TEST(LogLevelTest, NamesRoundTrip) {
  for (const char* name : {"debug", "info", "warn", "error"}) {
    EXPECT_EQ(LogLevelName(*ParseLogLevel(name)), name);
  }
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
}

}  // namespace
}  // namespace synod
