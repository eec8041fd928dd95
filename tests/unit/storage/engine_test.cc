// What every Engine must do, run against each of them.
#include "services/storage/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/random.h"
#include "tests/unit/storage/engine_under_test.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Entries = std::vector<std::pair<std::string, std::string>>;

std::string Key(uint64_t number) {
  return absl::StrFormat("key%04d", number);
}

// Does not compress, so that sizes mean something.
std::string Noise(Random& random, size_t bytes) {
  std::string noise;
  while (noise.size() < bytes) noise.push_back(static_cast<char>(random.Next()));
  return noise;
}

Entries Collect(const EngineReader& reader, Column column, absl::string_view lower = "",
                absl::string_view upper = "") {
  Entries entries;
  const auto it = reader.NewIterator(column, lower, upper);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    entries.emplace_back(std::string(it->key()), std::string(it->value()));
  }
  EXPECT_TRUE(it->status().ok()) << it->status();
  return entries;
}

std::string GetOr(const EngineReader& reader, Column column, absl::string_view key,
                  std::string absent) {
  std::string value;
  const absl::StatusOr<bool> found = reader.Get(column, key, &value);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.value_or(false) ? value : absent;
}

class EngineTest : public testing::TestWithParam<EngineKind> {
 protected:
  EngineTest() : under_test_(MakeEngineUnderTest(GetParam())) {}

  Engine& engine() { return under_test_->engine(); }

  void Put(Column column, absl::string_view key, absl::string_view value) {
    const auto batch = engine().NewBatch();
    batch->Put(column, key, value);
    ASSERT_TRUE(engine().Write(*batch).ok());
  }

  std::unique_ptr<EngineUnderTest> under_test_;
};

TEST_P(EngineTest, ReadsBackWhatWasWrittenPerColumn) {
  Put(Column::kMeta, "k", "meta");
  Put(Column::kCurrent, "k", "current");
  EXPECT_EQ(GetOr(engine(), Column::kMeta, "k", "-"), "meta");
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, "k", "-"), "current");
  EXPECT_EQ(GetOr(engine(), Column::kHistory, "k", "-"), "-");
}

TEST_P(EngineTest, EmptyAndBinaryKeysAndValues) {
  const std::string binary("\0\xff\0", 3);
  Put(Column::kCurrent, binary, "");
  Put(Column::kCurrent, "a", binary);
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, binary, "-"), "");
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, "a", "-"), binary);
}

TEST_P(EngineTest, LaterChangesInABatchWin) {
  const auto batch = engine().NewBatch();
  batch->Put(Column::kCurrent, "a", "1");
  batch->Delete(Column::kCurrent, "a");
  batch->Put(Column::kCurrent, "b", "1");
  batch->Put(Column::kCurrent, "b", "2");
  batch->Delete(Column::kCurrent, "never there");
  ASSERT_TRUE(engine().Write(*batch).ok());
  EXPECT_THAT(Collect(engine(), Column::kCurrent), ElementsAre(std::pair("b", "2")));
}

TEST_P(EngineTest, AClearedBatchWritesNothing) {
  const auto batch = engine().NewBatch();
  batch->Put(Column::kCurrent, "a", "1");
  batch->Clear();
  ASSERT_TRUE(engine().Write(*batch).ok());
  EXPECT_THAT(Collect(engine(), Column::kCurrent), IsEmpty());
}

TEST_P(EngineTest, IteratorStaysWithinItsBounds) {
  for (const char* key : {"a", "b", "c", "d", "e"}) Put(Column::kCurrent, key, "");
  const auto it = engine().NewIterator(Column::kCurrent, "b", "d");
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "b");
  it->Prev();
  EXPECT_FALSE(it->Valid());
  it->SeekToLast();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "c");
  it->Next();
  EXPECT_FALSE(it->Valid());
  it->Seek("a");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "b");
  it->Seek("bb");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "c");
  it->Seek("d");
  EXPECT_FALSE(it->Valid());
  it->SeekForPrev("z");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "c");
  it->SeekForPrev("bb");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "b");
  it->SeekForPrev("c");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "c");
  it->SeekForPrev("a");
  EXPECT_FALSE(it->Valid());
}

TEST_P(EngineTest, EmptyUpperBoundReachesTheEnd) {
  Put(Column::kHistory, "a", "1");
  Put(Column::kHistory, "\xff\xff", "2");
  const auto it = engine().NewIterator(Column::kHistory, "a", "");
  it->SeekToLast();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "\xff\xff");
  it->Prev();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "a");
}

TEST_P(EngineTest, ASnapshotSeesNoLaterWriteInAnyColumn) {
  Put(Column::kCurrent, "a", "old");
  Put(Column::kMeta, "m", "old");
  const auto snapshot = engine().Snapshot();
  const auto it = engine().NewIterator(Column::kCurrent, "", "");
  Put(Column::kCurrent, "a", "new");
  Put(Column::kCurrent, "b", "new");
  Put(Column::kMeta, "m", "new");
  EXPECT_EQ(GetOr(*snapshot, Column::kCurrent, "a", "-"), "old");
  EXPECT_EQ(GetOr(*snapshot, Column::kMeta, "m", "-"), "old");
  EXPECT_THAT(Collect(*snapshot, Column::kCurrent), ElementsAre(std::pair("a", "old")));
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->value(), "old");
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, "a", "-"), "new");
}

TEST_P(EngineTest, ACrashLosesExactlyWhatWasNotFlushed) {
  Put(Column::kMeta, "applied", "1");
  Put(Column::kCurrent, "a", "1");
  ASSERT_TRUE(engine().Flush().ok());
  Put(Column::kMeta, "applied", "2");
  Put(Column::kHistory, "h", "2");
  under_test_->Crash();
  EXPECT_EQ(GetOr(engine(), Column::kMeta, "applied", "-"), "1");
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, "a", "-"), "1");
  EXPECT_EQ(GetOr(engine(), Column::kHistory, "h", "-"), "-");
}

TEST_P(EngineTest, DurableMetaIsWhatACrashWouldLeave) {
  std::string value;
  EXPECT_FALSE(engine().GetDurableMeta("applied", &value).value());
  Put(Column::kMeta, "applied", "1");
  EXPECT_FALSE(engine().GetDurableMeta("applied", &value).value());
  ASSERT_TRUE(engine().Flush().ok());
  Put(Column::kMeta, "applied", "2");
  EXPECT_TRUE(engine().GetDurableMeta("applied", &value).value());
  EXPECT_EQ(value, "1");
  under_test_->Crash();
  EXPECT_TRUE(engine().GetDurableMeta("applied", &value).value());
  EXPECT_EQ(value, "1");
  EXPECT_EQ(GetOr(engine(), Column::kMeta, "applied", "-"), "1");
}

TEST_P(EngineTest, DropRangeFreesSpaceAndTouchesNothingElse) {
  Random random(1);
  for (uint64_t i = 0; i < 3000; ++i) Put(Column::kHistory, Key(i), Noise(random, 1000));
  Put(Column::kCurrent, Key(10), "kept");
  ASSERT_TRUE(engine().Flush().ok());
  // Files become droppable as they sink below the top level, which happens in the background.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (engine().SizeInUseBytes() > 1'500'000 && absl::Now() < deadline) {
    ASSERT_TRUE(engine().DropRange(Column::kHistory, "", Key(2500)).ok());
  }
  EXPECT_LT(engine().SizeInUseBytes(), 1'500'000);
  EXPECT_EQ(Collect(engine(), Column::kHistory, Key(2500)).size(), 500);
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, Key(10), "-"), "kept");
  under_test_->Crash();
  EXPECT_EQ(Collect(engine(), Column::kHistory, Key(2500)).size(), 500);
}

TEST_P(EngineTest, DropRangeOfNothingIsHarmless) {
  for (uint64_t i = 0; i < 10; ++i) Put(Column::kHistory, Key(i), "v");
  ASSERT_TRUE(engine().DropRange(Column::kHistory, Key(4), Key(4)).ok());
  ASSERT_TRUE(engine().DropRange(Column::kHistory, Key(5), Key(4)).ok());
  ASSERT_TRUE(engine().DropRange(Column::kHistory, Key(10), "").ok());
  EXPECT_EQ(Collect(engine(), Column::kHistory).size(), 10);
}

TEST_P(EngineTest, DefragmentGivesBackTheRoomOfWhatWasErased) {
  Random random(2);
  for (uint64_t i = 0; i < 3000; ++i) Put(Column::kCurrent, Key(i), Noise(random, 1000));
  ASSERT_TRUE(engine().Flush().ok());
  EXPECT_GT(engine().SizeBytes(), 3'000'000);
  const auto batch = engine().NewBatch();
  for (uint64_t i = 100; i < 3000; ++i) batch->Delete(Column::kCurrent, Key(i));
  ASSERT_TRUE(engine().Write(*batch).ok());
  std::atomic<bool> cancel{false};
  ASSERT_TRUE(engine().Defragment(&cancel).ok());
  EXPECT_LT(engine().SizeBytes(), 500'000);
  EXPECT_EQ(Collect(engine(), Column::kCurrent, "").size(), 100);
  under_test_->Crash();
  EXPECT_GE(Collect(engine(), Column::kCurrent, "").size(), 100);
}

TEST_P(EngineTest, ACheckpointIsAnEngineOfItsOwn) {
  Put(Column::kCurrent, "a", "1");
  Put(Column::kMeta, "applied", "1");
  ASSERT_TRUE(under_test_->Checkpoint("copy").ok());
  EXPECT_FALSE(under_test_->Checkpoint("copy").ok());
  Put(Column::kCurrent, "a", "2");
  ASSERT_TRUE(engine().Flush().ok());
  under_test_->OpenCheckpoint("copy");
  EXPECT_EQ(GetOr(engine(), Column::kCurrent, "a", "-"), "1");
  EXPECT_EQ(GetOr(engine(), Column::kMeta, "applied", "-"), "1");
}

TEST_P(EngineTest, SizesGrowWithTheData) {
  const uint64_t before = engine().SizeBytes();
  Random random(1);
  for (uint64_t i = 0; i < 1000; ++i) Put(Column::kCurrent, Key(i), Noise(random, 1000));
  EXPECT_GE(engine().SizeBytes(), before + 900'000);
  EXPECT_GT(engine().SizeInUseBytes(), 900'000);
  EXPECT_LE(engine().SizeInUseBytes(), engine().SizeBytes());
}

// Against a std::map: random batches, flushes and crashes. An engine may flush by itself, so a
// crash leaves the state after some batch since the last Flush.
TEST_P(EngineTest, AgreesWithAMap) {
  Random random(20);
  using State = std::map<std::string, std::string>;
  State live;
  std::vector<State> since_flush = {live};
  const auto stored = [&] {
    const Entries entries = Collect(engine(), Column::kCurrent);
    return State(entries.begin(), entries.end());
  };
  for (int step = 0; step < 600; ++step) {
    const auto batch = engine().NewBatch();
    for (uint64_t i = random.Below(6); i > 0; --i) {
      const std::string key = Key(random.Below(60));
      if (random.Chance(0.7)) {
        live[key] = absl::StrCat(step, std::string(random.Below(500), 'v'));
        batch->Put(Column::kCurrent, key, live[key]);
      } else {
        live.erase(key);
        batch->Delete(Column::kCurrent, key);
      }
    }
    ASSERT_TRUE(engine().Write(*batch).ok());
    ASSERT_EQ(stored(), live);
    since_flush.push_back(live);
    if (random.Chance(0.05)) {
      ASSERT_TRUE(engine().Flush().ok());
      since_flush = {live};
    } else if (random.Chance(0.02)) {
      under_test_->Crash();
      live = stored();
      ASSERT_THAT(since_flush, testing::Contains(live)) << "not the state after a whole batch";
      since_flush = {live};
    }
  }
}

TEST_P(EngineTest, ReadersRunBesideTheWriter) {
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      const auto snapshot = engine().Snapshot();
      const std::string a = GetOr(*snapshot, Column::kCurrent, "a", "0");
      const std::string b = GetOr(*snapshot, Column::kHistory, "b", "0");
      EXPECT_EQ(a, b) << "a batch was seen in part";
    }
  });
  for (int i = 0; i < 500; ++i) {
    const auto batch = engine().NewBatch();
    batch->Put(Column::kCurrent, "a", absl::StrCat(i));
    batch->Put(Column::kHistory, "b", absl::StrCat(i));
    ASSERT_TRUE(engine().Write(*batch).ok());
  }
  stop = true;
  reader.join();
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineTest, testing::ValuesIn(AllEngineKinds()),
                         [](const auto& test) { return EngineKindName(test.param); });

}  // namespace
}  // namespace synod::storage
