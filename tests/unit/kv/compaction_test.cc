// Compaction: what stays readable, what the engine gets back, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/kv/format.h"
#include "services/kv/state_machine.h"
#include "services/storage/engine.h"
#include "tests/unit/kv/store.h"
#include "tests/unit/kv/text.h"

namespace synod::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> KeysIn(const storage::EngineReader& reader, storage::Column column,
                                absl::string_view prefix = "") {
  std::vector<std::string> keys;
  const auto it = reader.NewIterator(column, prefix, "");
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (it->key().substr(0, prefix.size()) == prefix) keys.emplace_back(it->key());
  }
  return keys;
}

size_t Tombstones(Store& store) {
  return KeysIn(store.engine(), storage::Column::kMeta, "kv.tombstone.").size();
}

TEST(CompactionTest, RevisionsAreCheckedAsInEtcd) {
  Store store;
  store.Put("a", "1");
  store.Put("a", "2");
  EXPECT_EQ(store.Compact(-1), Error::kCompacted);
  EXPECT_EQ(store.Compact(4), Error::kFutureRevision);
  EXPECT_EQ(store.Compact(0), Error::kNone);  // once, in a store never compacted
  EXPECT_EQ(store.Compact(0), Error::kCompacted);
  EXPECT_EQ(store.Compact(2), Error::kNone);
  EXPECT_EQ(store.Compact(2), Error::kCompacted);
  EXPECT_EQ(store.Compact(3), Error::kNone);
  EXPECT_EQ(store.machine().View()->compact_revision(), 3);
}

TEST(CompactionTest, MakesNoRevision) {
  Store store;
  store.Put("a", "1");
  const Result result = store.Apply(CompactRequest{.revision = 2, .physical = true});
  EXPECT_EQ(result.revision, 2);
  EXPECT_EQ(store.Put("a", "2").revision, 3);
}

TEST(CompactionTest, TheFloorAndAllAboveStayReadable) {
  Store store;
  for (int i = 2; i <= 9; ++i) store.Put("a", absl::StrCat(i));
  store.Put("gone", "x");
  store.Delete("gone");  // 11
  store.Put("b", "y");
  ASSERT_EQ(store.Compact(5), Error::kNone);
  EXPECT_EQ(store.TryRange({.key = "a", .revision = 4}).error, Error::kCompacted);
  for (Revision at = 5; at <= 9; ++at) EXPECT_EQ(store.Get("a", at)[0].value, absl::StrCat(at));
  EXPECT_EQ(store.Get("gone", 10).size(), 1u);
  EXPECT_THAT(store.Get("gone", 11), IsEmpty());
}

TEST(CompactionTest, HistoryGoesOnlyWhenTheFloorWouldSurviveACrash) {
  Store store;
  for (int i = 2; i <= 9; ++i) store.Put("a", absl::StrCat(i));
  const auto history = [&] { return KeysIn(store.engine(), storage::Column::kHistory).size(); };
  ASSERT_TRUE(store.engine().Flush().ok());
  ASSERT_EQ(store.Compact(5), Error::kNone);
  ASSERT_TRUE(store.machine().DurableApplied().ok());
  EXPECT_EQ(history(), 8u);
  store.Reopen();  // before the compaction again
  EXPECT_EQ(store.Get("a", 2)[0].value, "2");

  ASSERT_EQ(store.Compact(5), Error::kNone);
  ASSERT_TRUE(store.engine().Flush().ok());
  ASSERT_TRUE(store.machine().DurableApplied().ok());
  EXPECT_EQ(history(), 4u);
  for (Revision at = 5; at <= 9; ++at) EXPECT_EQ(store.Get("a", at)[0].value, absl::StrCat(at));
}

TEST(CompactionTest, AllHistoryMayGo) {
  Store store;
  store.Put("a", "1");
  store.Put("a", "2");
  ASSERT_EQ(store.Compact(3), Error::kNone);
  ASSERT_TRUE(store.engine().Flush().ok());
  ASSERT_TRUE(store.machine().DurableApplied().ok());
  ASSERT_TRUE(store.engine().Flush().ok());
  EXPECT_THAT(KeysIn(store.engine(), storage::Column::kHistory), IsEmpty());
  store.Reopen();
  EXPECT_EQ(store.Put("a", "3").revision, 4);
  EXPECT_EQ(Text(store.Get("a", 3)[0]), "a=2@3/c2/v2/l0");
}

TEST(CompactionTest, TombstonesGoBoundedlyAndNobodySees) {
  constexpr int kKeys = 1000;
  Store store;
  TxnRequest puts;
  for (int i = 0; i < kKeys; ++i) {
    puts.success.emplace_back(PutRequest{.key = absl::StrCat("k", i), .value = "v"});
  }
  store.Apply(puts);
  store.Delete("k", "l");  // revision 3
  EXPECT_EQ(Tombstones(store), 1000u);
  EXPECT_EQ(KeysIn(store.engine(), storage::Column::kCurrent).size(), 1000u);
  ASSERT_EQ(store.Compact(2), Error::kNone);
  EXPECT_EQ(Tombstones(store), 1000u) << "above the floor they are still needed";
  EXPECT_EQ(store.Range({.key = "k", .range_end = "l", .revision = 2}).count, kKeys);

  ASSERT_EQ(store.Compact(3), Error::kNone);
  const uint32_t hash = *store.machine().Hash();
  size_t left = Tombstones(store);
  EXPECT_EQ(left, 1000u - 64u);
  store.Reopen();  // nothing was flushed: all of it again
  EXPECT_EQ(store.revision(), 1);
  store.Apply(puts);
  store.Delete("k", "l");
  ASSERT_EQ(store.Compact(3), Error::kNone);
  EXPECT_EQ(*store.machine().Hash(), hash);

  int applies = 0;
  for (left = Tombstones(store); left > 0; left = Tombstones(store)) {
    store.ApplyBytes({});
    EXPECT_LE(left - Tombstones(store), 64u);
    EXPECT_EQ(*store.machine().Hash(), hash);
    ASSERT_LT(++applies, 100);
  }
  EXPECT_THAT(KeysIn(store.engine(), storage::Column::kCurrent), IsEmpty());
}

TEST(CompactionTest, AKeyPutAgainIsNotSwept) {
  Store store;
  store.Put("a", "1");
  store.Delete("a");
  store.Put("a", "2");
  ASSERT_EQ(store.Compact(4), Error::kNone);
  store.ApplyBytes({});
  EXPECT_EQ(Tombstones(store), 0u);
  EXPECT_EQ(Text(store.Get("a")[0]), "a=2@4/c4/v1/l0");
}

TEST(CompactionTest, DeletesAndCompactionOfOneApplyAreSweptLater) {
  Store store;
  store.Put("a", "1");
  const std::string del = EncodeCommand(DeleteRangeRequest{.key = "a"});
  const std::string compact = EncodeCommand(CompactRequest{.revision = 3});
  store.ApplyBytes({del, compact});
  EXPECT_EQ(Tombstones(store), 1u);
  store.ApplyBytes({});
  EXPECT_EQ(Tombstones(store), 0u);
  EXPECT_THAT(KeysIn(store.engine(), storage::Column::kCurrent), IsEmpty());
}

TEST(CompactionTest, AViewHeldOverACompactionSaysSoWhenItsHistoryIsGone) {
  Store store;
  for (int i = 2; i <= 9; ++i) store.Put("a", absl::StrCat(i));
  // What dropping files does to RocksDB's snapshots, the in-memory engine does not do.
  auto batch = store.engine().NewBatch();
  batch->Delete(storage::Column::kHistory, HistoryKey({8, 0}));
  ASSERT_TRUE(store.engine().Write(*batch).ok());
  const auto view = store.machine().View();
  const RangeRequest at_seven{.key = "a", .revision = 7};
  EXPECT_EQ(view->Range(at_seven).error, Error::kCorrupt);

  ASSERT_EQ(store.Compact(8), Error::kNone);
  ASSERT_TRUE(store.engine().Flush().ok());
  ASSERT_TRUE(store.machine().DurableApplied().ok());
  EXPECT_EQ(view->Range(at_seven).error, Error::kCompacted);
  EXPECT_EQ(view->Range({.key = "a", .revision = 8}).response.kvs[0].value, "8");
}

}  // namespace
}  // namespace synod::kv
