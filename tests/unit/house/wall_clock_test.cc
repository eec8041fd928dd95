#include "tests/unit/house/wall_clock.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace synod::house {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(WallClockTest, NobodyUsesItWhoHasToBeRight) {
  const SourceTree tree = ReadSourceTree(SYNOD_SOURCE_DIR);
  ASSERT_TRUE(tree.contains("common/clock.h")) << "the sources were not found";
  EXPECT_THAT(WallClockUses(tree), IsEmpty());
}

TEST(WallClockTest, CatchesEachPlantedUse) {
  for (const char* use : {"clock->Wall()", "absl::Now()", "std::chrono::system_clock::now()",
                          "std::time(nullptr)", "clock_gettime(CLOCK_REALTIME, &now)",
                          "gettimeofday(&now, nullptr)", "mutex_.AwaitWithTimeout(ready, timeout)",
                          "done.WaitForNotificationWithTimeout(timeout)"}) {
    const SourceTree tree = {{"services/kv/a.cc", std::string("// text\n  Use(") + use + ");\n"}};
    EXPECT_THAT(WallClockUses(tree), ::testing::Contains(StartsWith("services/kv/a.cc:2: ")))
        << use;
  }
}

TEST(WallClockTest, LeavesItToThoseWhoTalkToGrpc) {
  const std::string read = "context.set_deadline(std::chrono::system_clock::now() + timeout);\n";
  EXPECT_THAT(WallClockUses({{"services/rpc/a.cc", read}}), IsEmpty());
  EXPECT_THAT(WallClockUses({{"services/node/a.cc", read}}),
              ElementsAre("services/node/a.cc:1: system_clock reads it"));
}

TEST(WallClockTest, LetsCommentsNameIt) {
  EXPECT_THAT(WallClockUses({{"services/kv/a.cc", "// not absl::Now()\n"}}), IsEmpty());
}

}  // namespace
}  // namespace synod::house
