// Transactions: what compares hold, what runs, what is refused and then leaves no trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/kv/state_machine.h"
#include "tests/unit/kv/store.h"
#include "tests/unit/kv/text.h"

namespace synod::kv {
namespace {

PutRequest Put(const std::string& key, const std::string& value) {
  return {.key = key, .value = value};
}
DeleteRangeRequest Del(const std::string& key, const std::string& range_end = "") {
  return {.key = key, .range_end = range_end};
}
RangeRequest Get(const std::string& key, const std::string& range_end = "") {
  return {.key = key, .range_end = range_end};
}
TxnRequest Then(std::vector<Operation> success) {
  return {.success = std::move(success)};
}
TxnRequest If(Compare compare, std::vector<Operation> success, std::vector<Operation> failure) {
  return {.compare = {compare}, .success = std::move(success), .failure = std::move(failure)};
}
Compare Number(CompareTarget target, const std::string& key, CompareResult result, int64_t number) {
  return {.result = result, .target = target, .key = key, .number = number};
}
Compare Value(const std::string& key, CompareResult result, const std::string& value) {
  return {.result = result, .target = CompareTarget::kValue, .key = key, .value = value};
}
Compare Over(Compare compare, const std::string& range_end) {
  compare.range_end = range_end;
  return compare;
}

constexpr auto kEqual = CompareResult::kEqual;
constexpr auto kNotEqual = CompareResult::kNotEqual;
constexpr auto kGreater = CompareResult::kGreater;
constexpr auto kLess = CompareResult::kLess;

class TxnTest : public ::testing::Test {
 protected:
  // a: create 2, mod 4, version 2, value "y"; b: create 3, mod 3, version 1, value "m"
  TxnTest() {
    store_.Put("a", "x");
    store_.Put("b", "m");
    store_.Put("a", "y");
  }

  std::string Run(const TxnRequest& txn) { return Text(store_.Apply(txn)); }

  Store store_;
};

TEST_F(TxnTest, ComparesEveryTargetEveryWay) {
  struct Case {
    Compare compare;
    bool holds;
  };
  using T = CompareTarget;
  const std::vector<Case> cases = {
      {Number(T::kVersion, "a", kEqual, 2), true},
      {Number(T::kVersion, "a", kEqual, 1), false},
      {Number(T::kVersion, "a", kNotEqual, 1), true},
      {Number(T::kVersion, "a", kGreater, 1), true},
      {Number(T::kVersion, "a", kGreater, 2), false},
      {Number(T::kVersion, "a", kLess, 3), true},
      {Number(T::kVersion, "a", kLess, 2), false},
      {Number(T::kCreate, "a", kEqual, 2), true},
      {Number(T::kCreate, "a", kLess, 2), false},
      {Number(T::kMod, "a", kEqual, 4), true},
      {Number(T::kMod, "a", kGreater, 4), false},
      {Number(T::kLease, "a", kEqual, 0), true},
      {Number(T::kLease, "a", kGreater, 0), false},
      {Value("a", kEqual, "y"), true},
      {Value("a", kNotEqual, "y"), false},
      {Value("a", kGreater, "x"), true},
      {Value("a", kLess, "yy"), true},
      // A missing key has zeros, but no value.
      {Number(T::kVersion, "q", kEqual, 0), true},
      {Number(T::kVersion, "q", kGreater, 0), false},
      {Number(T::kCreate, "q", kEqual, 0), true},
      {Number(T::kMod, "q", kLess, 1), true},
      {Number(T::kLease, "q", kEqual, 0), true},
      {Value("q", kEqual, ""), false},
      {Value("q", kNotEqual, "z"), false},
      {Value("q", kLess, "z"), false},
      // A range holds when each of its keys does; an empty one is a missing key.
      {Over(Number(T::kVersion, "a", kGreater, 0), "c"), true},
      {Over(Number(T::kVersion, "a", kGreater, 1), "c"), false},
      {Over(Number(T::kMod, "a", kGreater, 2), FromKey()), true},
      {Over(Value("a", kGreater, "a"), "c"), true},
      {Over(Value("a", kGreater, "n"), "c"), false},
      {Over(Number(T::kVersion, "m", kEqual, 0), "z"), true},
      {Over(Value("m", kNotEqual, "v"), "z"), false},
      {Over(Number(T::kVersion, "b", kEqual, 0), "a"), true},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(Run(If(cases[i].compare, {}, {})), cases[i].holds ? "then {} at 4" : "else {} at 4")
        << "case " << i;
  }
}

TEST_F(TxnTest, AllComparesMustHold) {
  TxnRequest txn = If(Value("a", kEqual, "y"), {}, {});
  txn.compare.push_back(Value("b", kEqual, "n"));
  EXPECT_EQ(Run(txn), "else {} at 4");
  txn.compare.back().value = "m";
  EXPECT_EQ(Run(txn), "then {} at 4");
}

TEST_F(TxnTest, OneRevisionForAllWrites) {
  EXPECT_EQ(Run(Then({Put("k", "1"), Del("a"), Put("l", "2")})),
            "then {put prev none; deleted 1 []; put prev none} at 5");
  EXPECT_EQ(store_.Get("k")[0].mod_revision, 5);
  EXPECT_EQ(store_.Get("l")[0].mod_revision, 5);
  EXPECT_TRUE(store_.Get("a").empty());
  EXPECT_EQ(store_.Get("a", 4).size(), 1u);
}

TEST_F(TxnTest, NoRevisionWithoutAnEffectiveWrite) {
  EXPECT_EQ(Run(Then({Del("q", "z"), Get("b")})),
            "then {deleted 0 []; range [b=m@3/c3/v1/l0] count 1} at 4");
  EXPECT_EQ(Run(If(Value("a", kEqual, "no"), {Put("k", "1")}, {})), "else {} at 4");
  EXPECT_EQ(store_.revision(), 4);
}

TEST_F(TxnTest, ReadsSeeTheWritesBeforeThem) {
  EXPECT_EQ(Run(Then({Get("k"), Put("k", "1"), Get("k"), Del("a"), Get("a", "l")})),
            "then {range [] count 0; put prev none; range [k=1@5/c5/v1/l0] count 1; deleted 1 []; "
            "range [b=m@3/c3/v1/l0 k=1@5/c5/v1/l0] count 2} at 5");
}

TEST_F(TxnTest, APutThenADeleteOfAllFromItLeavesNothing) {
  EXPECT_EQ(Run(Then({Put("k", "1"), Del("k", FromKey())})),
            "then {put prev none; deleted 1 []} at 5");
  EXPECT_TRUE(store_.Get("k").empty());
  EXPECT_TRUE(store_.Get("k", 4).empty());
  store_.Put("k", "2");
  EXPECT_EQ(store_.Get("k")[0].version, 1);
  EXPECT_TRUE(store_.Get("k", 5).empty());
}

TEST_F(TxnTest, ADeleteOfAllFromItThenAPutStartsTheKeyAnew) {
  EXPECT_EQ(Run(Then({Del("a", FromKey()), Put("a", "new")})),
            "then {deleted 2 []; put prev none} at 5");
  EXPECT_EQ(Text(store_.Get("a")[0]), "a=new@5/c5/v1/l0");
  EXPECT_EQ(Text(store_.Get("a", 4)[0]), "a=y@4/c2/v2/l0");
}

TEST_F(TxnTest, NestedComparesLookAtTheStateBeforeTheWholeTransaction) {
  const TxnRequest txn = Then({Put("k", "1"),
                               If(Number(CompareTarget::kVersion, "k", kEqual, 0),
                                  {Put("nested", "then")}, {Put("nested", "else")}),
                               Get("nested")});
  EXPECT_EQ(Run(txn),
            "then {put prev none; then {put prev none}; range [nested=then@5/c5/v1/l0] count 1} "
            "at 5");
}

TEST_F(TxnTest, EachNestedTransactionTakesItsOwnBranch) {
  const auto pick = [](const std::string& key) {
    return If(Number(CompareTarget::kVersion, key, kGreater, 0), {Get("a")}, {Get("b")});
  };
  EXPECT_EQ(Run(Then({Then({pick("q"), pick("a")}), pick("q"), Put("k", "1"), pick("b")})),
            "then {then {else {range [b=m@3/c3/v1/l0] count 1}; then {range [a=y@4/c2/v2/l0] "
            "count 1}}; else {range [b=m@3/c3/v1/l0] count 1}; put prev none; then {range "
            "[a=y@4/c2/v2/l0] count 1}} at 5");
}

TEST_F(TxnTest, OldRevisionsAreReadAsTheyWere) {
  RangeRequest old = Get("a");
  old.revision = 2;
  RangeRequest newest = Get("a");
  newest.revision = 4;
  EXPECT_EQ(Run(Then({Put("a", "z"), old, newest, Get("a")})),
            "then {put prev none; range [a=x@2/c2/v1/l0] count 1; range [a=y@4/c2/v2/l0] count 1; "
            "range [a=z@5/c2/v3/l0] count 1} at 5");
}

TEST_F(TxnTest, ARefusedOperationUndoesTheWholeTransaction) {
  ASSERT_EQ(store_.Compact(3), Error::kNone);
  RangeRequest compacted = Get("a");
  compacted.revision = 2;
  RangeRequest negative = Get("a");
  negative.revision = -1;
  RangeRequest future = Get("a");
  future.revision = 5;  // the transaction's own revision is future, too
  struct Case {
    Operation operation;
    Error error;
  };
  const std::vector<Case> cases = {
      {compacted, Error::kCompacted},
      {negative, Error::kCompacted},
      {future, Error::kFutureRevision},
      {PutRequest{.key = "q", .lease = 9}, Error::kLeaseNotFound},
      {PutRequest{.key = "q", .ignore_value = true}, Error::kKeyNotFound},
      {PutRequest{.key = "q", .ignore_lease = true}, Error::kKeyNotFound},
  };
  const uint32_t before = *store_.machine().Hash();
  for (const Case& one : cases) {
    EXPECT_EQ(store_.Apply(Then({Put("k", "1"), Del("b"), one.operation})).error, one.error);
    EXPECT_EQ(store_.Apply(Then({Put("k", "1"), Then({one.operation})})).error, one.error);
    EXPECT_EQ(store_.revision(), 4);
    EXPECT_EQ(*store_.machine().Hash(), before);
    // Not chosen, not checked.
    EXPECT_EQ(store_.Apply(TxnRequest{.failure = {one.operation}}).error, Error::kNone);
  }
}

TEST_F(TxnTest, TheFirstRefusalIsReported) {
  RangeRequest future = Get("a");
  future.revision = 50;
  EXPECT_EQ(store_.Apply(Then({PutRequest{.key = "q", .lease = 9}, future})).error,
            Error::kLeaseNotFound);
  EXPECT_EQ(store_.Apply(Then({future, PutRequest{.key = "q", .lease = 9}})).error,
            Error::kFutureRevision);
}

TEST_F(TxnTest, KeepingAValueThatTheTransactionDeletedIsRefused) {
  const PutRequest keep{.key = "b", .ignore_value = true};
  EXPECT_EQ(store_.Apply(Then({Del("a", FromKey()), keep})).error, Error::kKeyNotFound);
  EXPECT_EQ(store_.Apply(Then({Then({Del("a", FromKey())}), keep})).error, Error::kKeyNotFound);
  EXPECT_EQ(store_.revision(), 4);
  EXPECT_EQ(store_.Apply(Then({keep, Del("a", FromKey())})).error, Error::kNone);
}

TEST_F(TxnTest, ReadOnlyTransactionsRunOnAView) {
  const TxnRequest txn =
      If(Value("a", kEqual, "y"), {Get("b"), If(Value("q", kEqual, ""), {}, {Get("a")})}, {});
  const auto view = store_.machine().View();
  EXPECT_EQ(Text(view->Txn(txn)),
            "then {range [b=m@3/c3/v1/l0] count 1; else {range [a=y@4/c2/v2/l0] count 1}}");
  TxnRequest future = Then({Get("a")});
  std::get<RangeRequest>(future.success[0]).revision = 9;
  EXPECT_EQ(view->Txn(future).error, Error::kFutureRevision);
}

}  // namespace
}  // namespace synod::kv
