#include "services/kv/skip_path.h"

#include <gtest/gtest.h>

#include <vector>

namespace synod::kv {
namespace {

constexpr Revision kNoFloor = -1;

// jumps[i]: what the record at revision i points to. Revisions from 1 on.
std::vector<Revision> JumpsOf(Revision records, Revision floor = kNoFloor) {
  std::vector<Revision> jumps = {0};
  SkipPath path;
  for (Revision revision = 1; revision <= records; ++revision) {
    path.Push({revision, 0}, floor);
    jumps.push_back(path.jump().revision);
  }
  return jumps;
}

// How many records a read steps on to reach the oldest one above `target`.
int Steps(const std::vector<Revision>& jumps, Revision target) {
  int steps = 1;
  Revision at = static_cast<Revision>(jumps.size()) - 1;
  while (at - 1 > target) {
    const Revision jump = jumps[static_cast<size_t>(at)];
    at = jump > target ? jump : at - 1;
    ++steps;
  }
  return steps;
}

TEST(SkipPathTest, FirstJumps) {
  // Trees after 11 records: 7 of them under the 7th, 3 under the 10th, the 11th.
  EXPECT_EQ(JumpsOf(11), (std::vector<Revision>{0, 0, 1, 0, 3, 4, 3, 0, 7, 8, 7, 10}));
}

TEST(SkipPathTest, StepsGrowWithTheLogarithm) {
  for (const Revision records : {1, 2, 10, 100, 1000, 100000}) {
    const std::vector<Revision> jumps = JumpsOf(records);
    int worst = 0;
    for (Revision target = 0; target < records; target += 1 + records / 1000) {
      worst = std::max(worst, Steps(jumps, target));
    }
    int log = 1;
    for (Revision rest = records; rest > 1; rest /= 2) ++log;
    EXPECT_LE(worst, 3 * log) << records << " records";
  }
}

TEST(SkipPathTest, StaysShort) {
  SkipPath path;
  for (Revision revision = 1; revision <= 100000; ++revision) path.Push({revision, 0}, kNoFloor);
  std::string bytes;
  path.AppendTo(bytes);
  EXPECT_LE(bytes.size(), 17u * 13u);
}

TEST(SkipPathTest, ForgetsWhatIsAtOrBelowTheFloor) {
  SkipPath path;
  for (Revision revision = 1; revision <= 8; ++revision) path.Push({revision, 0}, kNoFloor);
  EXPECT_EQ(path.jump().revision, 7);
  path.Push({9, 0}, 7);
  EXPECT_EQ(path.jump().revision, 8);
  path.Push({10, 0}, 9);
  EXPECT_EQ(path.jump(), Position());
}

TEST(SkipPathTest, BytesRoundTripAndPartsAreRefused) {
  SkipPath path;
  for (uint32_t sub = 0; sub < 9; ++sub) path.Push({5, sub}, kNoFloor);
  std::string bytes;
  path.AppendTo(bytes);
  SkipPath copy;
  ASSERT_TRUE(copy.Parse(bytes));
  EXPECT_EQ(copy.jump(), path.jump());
  copy.Push({6, 0}, kNoFloor);
  path.Push({6, 0}, kNoFloor);
  EXPECT_EQ(copy.jump(), path.jump());
  EXPECT_TRUE(copy.Parse(""));
  EXPECT_FALSE(copy.Parse(absl::string_view(bytes).substr(1)));
}

}  // namespace
}  // namespace synod::kv
