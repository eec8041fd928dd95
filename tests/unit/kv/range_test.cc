// Every option of Range, alone and together, with etcd's answers.
#include "services/kv/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/kv/command.h"
#include "tests/unit/kv/store.h"

namespace synod::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Keys(const RangeResponse& response) {
  std::vector<std::string> keys;
  for (const KeyValue& kv : response.kvs) keys.push_back(kv.key);
  return keys;
}

class RangeTest : public ::testing::Test {
 protected:
  // key  create  mod  version  value
  //  a      2     7      2      3
  //  b      3     3      1      2
  //  c      4     8      3      1
  //  d      5     5      1      4     deleted at 9
  RangeTest() {
    store_.Put("a", "0");
    store_.Put("b", "2");
    store_.Put("c", "0");
    store_.Put("d", "4");
    store_.Put("c", "0");
    store_.Put("a", "3");
    store_.Put("c", "1");
    store_.Delete("d");
  }

  RangeRequest All() const { return {.key = FromKey(), .range_end = FromKey()}; }

  Store store_;
};

TEST_F(RangeTest, NamesKeysAsEtcdDoes) {
  const auto keys = [&](const std::string& key, const std::string& range_end) {
    return Keys(store_.Range({.key = key, .range_end = range_end}));
  };
  EXPECT_THAT(keys("b", ""), ElementsAre("b"));
  EXPECT_THAT(keys("d", ""), IsEmpty());
  EXPECT_THAT(keys("a", "c"), ElementsAre("a", "b"));
  EXPECT_THAT(keys("b", FromKey()), ElementsAre("b", "c"));
  EXPECT_THAT(keys(FromKey(), FromKey()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(keys("a", "a"), IsEmpty());
  EXPECT_THAT(keys("c", "a"), IsEmpty());
}

TEST_F(RangeTest, LimitCutsAndCountDoesNot) {
  RangeRequest range = All();
  range.limit = 2;
  const RangeResponse two = store_.Range(range);
  EXPECT_THAT(Keys(two), ElementsAre("a", "b"));
  EXPECT_TRUE(two.more);
  EXPECT_EQ(two.count, 3);
  for (const int64_t limit : {int64_t{3}, int64_t{4}, int64_t{0}, int64_t{-1}, INT64_MAX}) {
    range.limit = limit;
    const RangeResponse all = store_.Range(range);
    EXPECT_EQ(all.kvs.size(), 3u) << limit;
    EXPECT_FALSE(all.more) << limit;
    EXPECT_EQ(all.count, 3) << limit;
  }
}

TEST_F(RangeTest, CountOnlyReturnsNoPairsAndNeverMore) {
  RangeRequest range = All();
  range.count_only = true;
  range.limit = 1;
  const RangeResponse response = store_.Range(range);
  EXPECT_THAT(response.kvs, IsEmpty());
  EXPECT_FALSE(response.more);
  EXPECT_EQ(response.count, 3);
}

TEST_F(RangeTest, KeysOnlyKeepsTheMetadata) {
  const RangeResponse response = store_.Range({.key = "a", .keys_only = true});
  EXPECT_THAT(response.kvs,
              ElementsAre(KeyValue{
                  .key = "a", .value = "", .create_revision = 2, .mod_revision = 7, .version = 2}));
}

TEST_F(RangeTest, KeysOnlyCanStillSortByValue) {
  RangeRequest range = All();
  range.keys_only = true;
  range.sort_target = SortTarget::kValue;
  range.sort_order = SortOrder::kAscend;
  const RangeResponse response = store_.Range(range);
  EXPECT_THAT(Keys(response), ElementsAre("c", "b", "a"));
  EXPECT_EQ(response.kvs[0].value, "");
}

TEST_F(RangeTest, SortsByEveryTarget) {
  const auto keys = [&](SortTarget target, SortOrder order) {
    RangeRequest range = All();
    range.sort_target = target;
    range.sort_order = order;
    return Keys(store_.Range(range));
  };
  using T = SortTarget;
  EXPECT_THAT(keys(T::kKey, SortOrder::kDescend), ElementsAre("c", "b", "a"));
  EXPECT_THAT(keys(T::kKey, SortOrder::kAscend), ElementsAre("a", "b", "c"));
  EXPECT_THAT(keys(T::kVersion, SortOrder::kAscend), ElementsAre("b", "a", "c"));
  EXPECT_THAT(keys(T::kVersion, SortOrder::kDescend), ElementsAre("c", "a", "b"));
  EXPECT_THAT(keys(T::kCreate, SortOrder::kDescend), ElementsAre("c", "b", "a"));
  EXPECT_THAT(keys(T::kMod, SortOrder::kAscend), ElementsAre("b", "a", "c"));
  EXPECT_THAT(keys(T::kMod, SortOrder::kDescend), ElementsAre("c", "a", "b"));
  EXPECT_THAT(keys(T::kValue, SortOrder::kDescend), ElementsAre("a", "b", "c"));
  // No order with a target other than the key means ascending.
  EXPECT_THAT(keys(T::kMod, SortOrder::kNone), ElementsAre("b", "a", "c"));
}

TEST_F(RangeTest, ASortComesBeforeTheLimit) {
  RangeRequest range = All();
  range.limit = 1;
  range.sort_target = SortTarget::kMod;
  range.sort_order = SortOrder::kDescend;
  const RangeResponse response = store_.Range(range);
  EXPECT_THAT(Keys(response), ElementsAre("c"));
  EXPECT_TRUE(response.more);
  EXPECT_EQ(response.count, 3);
}

TEST_F(RangeTest, ATargetWithoutAnOrderSortsWhatTheLimitLeft) {
  // etcd's oddity: limit + 1 pairs are fetched in key order, sorted, and cut to the limit.
  RangeRequest range = All();
  range.limit = 1;
  range.sort_target = SortTarget::kValue;
  const RangeResponse response = store_.Range(range);
  EXPECT_THAT(Keys(response), ElementsAre("b"));
  EXPECT_TRUE(response.more);
}

TEST_F(RangeTest, RevisionFiltersComeBeforeTheLimitAndNotIntoTheCount) {
  struct Case {
    RangeRequest range;
    std::vector<std::string> keys;
    bool more;
  };
  const std::string z = FromKey();
  const std::vector<Case> cases = {
      {{.key = z, .range_end = z, .min_mod_revision = 7}, {"a", "c"}, false},
      {{.key = z, .range_end = z, .max_mod_revision = 7}, {"a", "b"}, false},
      {{.key = z, .range_end = z, .min_create_revision = 3}, {"b", "c"}, false},
      {{.key = z, .range_end = z, .max_create_revision = 3}, {"a", "b"}, false},
      {{.key = z, .range_end = z, .min_mod_revision = 4, .max_create_revision = 3}, {"a"}, false},
      {{.key = z, .range_end = z, .limit = 1, .min_mod_revision = 7}, {"a"}, true},
      {{.key = z, .range_end = z, .limit = 2, .min_mod_revision = 7}, {"a", "c"}, false},
  };
  for (const Case& one : cases) {
    const RangeResponse response = store_.Range(one.range);
    EXPECT_EQ(Keys(response), one.keys);
    EXPECT_EQ(response.more, one.more);
    EXPECT_EQ(response.count, 3);
  }
}

TEST_F(RangeTest, EveryRevisionIsReadable) {
  const std::vector<std::string> states = {"",         "a0",       "a0b2",     "a0b2c0", "a0b2c0d4",
                                           "a0b2c0d4", "a3b2c0d4", "a3b2c1d4", "a3b2c1"};
  for (Revision revision = 1; revision <= 9; ++revision) {
    RangeRequest range = All();
    range.revision = revision;
    const RangeResponse response = store_.Range(range);
    std::string state;
    for (const KeyValue& kv : response.kvs) state += kv.key + kv.value;
    EXPECT_EQ(state, states[static_cast<size_t>(revision - 1)]) << "at revision " << revision;
    EXPECT_EQ(response.count, static_cast<int64_t>(state.size() / 2));
  }
  EXPECT_EQ(store_.Get("c", 6)[0].version, 2);
  EXPECT_EQ(store_.Get("d", 8)[0].mod_revision, 5);
}

TEST_F(RangeTest, RevisionsOutOfReach) {
  RangeRequest range = All();
  range.revision = 10;
  EXPECT_EQ(store_.TryRange(range).error, Error::kFutureRevision);
  range.revision = -5;  // etcd takes it for "the newest"
  EXPECT_EQ(store_.TryRange(range).response.count, 3);
  ASSERT_EQ(store_.Compact(5), Error::kNone);
  range.revision = 4;
  EXPECT_EQ(store_.TryRange(range).error, Error::kCompacted);
  range.revision = 5;
  EXPECT_EQ(store_.TryRange(range).response.count, 4);
  range.revision = -5;
  EXPECT_EQ(store_.TryRange(range).response.count, 3);
}

// Counts what a read asks of the layer below.
class CountingVersions final : public Versions {
 public:
  explicit CountingVersions(const Versions& below) : below_(below) {}

  absl::StatusOr<bool> GetNewest(absl::string_view key, std::string* bytes) const override {
    return below_.GetNewest(key, bytes);
  }
  absl::Status WalkNewest(absl::string_view lower, absl::string_view upper,
                          VisitBytes visit) const override {
    return below_.WalkNewest(lower, upper, visit);
  }
  absl::Status GetHistory(Position position, std::string* bytes) const override {
    ++history_reads_;
    return below_.GetHistory(position, bytes);
  }

  int TakeHistoryReads() const { return std::exchange(history_reads_, 0); }

 private:
  const Versions& below_;
  mutable int history_reads_ = 0;
};

TEST(RangeCostTest, NewestReadsTouchNoHistoryAndOldOnesOfAHotKeyLittle) {
  constexpr Revision kVersions = 20000;
  Store store;
  const std::string put = EncodeCommand(PutRequest{.key = "hot", .value = "v"});
  for (Revision i = 0; i < kVersions; i += 100) {
    store.ApplyBytes(std::vector<absl::string_view>(100, put));
  }
  const std::atomic<Revision> dropped{-1};
  const EngineVersions stored(store.engine(), dropped);
  const CountingVersions counting(stored);
  const Revision newest = store.revision();
  int worst = 0;
  for (Revision at = 1; at <= newest; at += 97) {
    const auto response = ExecuteRange(counting, {.key = "hot", .revision = at}, newest);
    ASSERT_TRUE(response.ok());
    ASSERT_EQ(response->count, at == 1 ? 0 : 1);
    ASSERT_EQ(at == 1 ? at : response->kvs[0].mod_revision, at);
    worst = std::max(worst, counting.TakeHistoryReads());
  }
  EXPECT_LE(worst, 45) << "of " << kVersions;
  ASSERT_TRUE(ExecuteRange(counting, {.key = "a", .range_end = FromKey()}, newest).ok());
  EXPECT_EQ(counting.TakeHistoryReads(), 0);
}

// Reads that nobody waits for: asked now and then, over all that one read walks.
class GivenUpReadTest : public ::testing::Test {
 protected:
  static constexpr int kKeys = 5000;

  GivenUpReadTest() {
    std::vector<std::string> puts;
    for (int i = 0; i < kKeys; ++i) {
      puts.push_back(EncodeCommand(PutRequest{.key = absl::StrCat("k", i), .value = "v"}));
    }
    store_.ApplyBytes({puts.begin(), puts.end()});
    store_.ApplyBytes({puts.begin(), puts.end()});
  }

  // Says so when asked for the given time, counted from 1.
  auto GiveUpWhenAskedFor(int time) {
    return [this, time] { return ++asked_ == time; };
  }

  Store store_;
  int asked_ = 0;
};

TEST_F(GivenUpReadTest, EndsAtOnceAndIsAskedOftenEnough) {
  const auto view = store_.machine().View();
  RangeRequest first{.key = "k", .range_end = "l", .limit = 1};
  EXPECT_EQ(view->Range(first, GiveUpWhenAskedFor(2)).error, Error::kGivenUp);
  EXPECT_EQ(asked_, 2);

  asked_ = 0;
  first.revision = 1 + kKeys;  // every key by its history
  EXPECT_EQ(view->Range(first, GiveUpWhenAskedFor(3)).error, Error::kGivenUp);
  EXPECT_EQ(asked_, 3);

  asked_ = 0;
  const auto whole = view->Range(first, GiveUpWhenAskedFor(kKeys));
  EXPECT_EQ(whole.error, Error::kNone);
  EXPECT_EQ(whole.response.count, kKeys);
  EXPECT_GE(asked_, kKeys / 500);
}

TEST_F(GivenUpReadTest, TheRangesOfATransactionCountTogether) {
  const auto view = store_.machine().View();
  TxnRequest txn;
  const Operation range = RangeRequest{.key = "k1", .range_end = "k11"};
  txn.success.assign(50, range);
  EXPECT_EQ(view->Txn(txn, GiveUpWhenAskedFor(2)).error, Error::kGivenUp);

  asked_ = 0;
  const TxnRequest compares{
      .compare = {{.target = CompareTarget::kVersion, .key = "k", .range_end = "l", .number = 2}}};
  EXPECT_EQ(view->Txn(compares, GiveUpWhenAskedFor(1)).error, Error::kGivenUp);
  EXPECT_TRUE(view->Txn(compares).response.succeeded);
}

}  // namespace
}  // namespace synod::kv
