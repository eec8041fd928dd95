#include "services/storage/sequence_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/random.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SequenceRangesTest, NeighboursAndOverlapsBecomeOne) {
  SequenceRanges ranges;
  ranges.Add({10, 12});
  ranges.Add({20, 21});
  ranges.Add({5, 5});
  EXPECT_THAT(ranges.ranges(), ElementsAre(SequenceRange{10, 12}, SequenceRange{20, 21}));
  ranges.Add({12, 14});
  ranges.Add({1, 2});
  EXPECT_THAT(ranges.ranges(),
              ElementsAre(SequenceRange{1, 2}, SequenceRange{10, 14}, SequenceRange{20, 21}));
  ranges.Add({2, 30});
  EXPECT_THAT(ranges.ranges(), ElementsAre(SequenceRange{1, 30}));
  ranges.EraseBelow(7);
  EXPECT_THAT(ranges.ranges(), ElementsAre(SequenceRange{7, 30}));
  ranges.EraseBelow(30);
  EXPECT_THAT(ranges.ranges(), IsEmpty());
}

TEST(SequenceRangesTest, HoldsWhatASetWouldHold) {
  Random random(1);
  for (int run = 0; run < 200; ++run) {
    SequenceRanges ranges;
    std::set<uint64_t> twin;
    for (int step = 0; step < 12; ++step) {
      const uint64_t first = random.Below(40);
      if (random.Chance(0.2)) {
        ranges.EraseBelow(first / 2);
        twin.erase(twin.begin(), twin.lower_bound(first / 2));
        continue;
      }
      const uint64_t end = first + random.Below(5);
      ranges.Add({first, end});
      for (uint64_t sequence = first; sequence < end; ++sequence) twin.insert(sequence);
    }
    for (uint64_t sequence = 0; sequence < 50; ++sequence) {
      EXPECT_EQ(ranges.Contains({sequence, sequence + 1}), twin.contains(sequence)) << sequence;
    }
  }
}

}  // namespace
}  // namespace synod::storage
