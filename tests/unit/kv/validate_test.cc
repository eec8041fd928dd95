// What is refused before it costs anything: the checks of etcd's v3rpc/key.go.
#include "services/kv/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/kv/command.h"

namespace synod::kv {
namespace {

constexpr int kMaxOps = 128;
const std::string kAllFrom(1, '\0');

PutRequest Put(const std::string& key) {
  return {.key = key};
}
DeleteRangeRequest Del(const std::string& key, const std::string& range_end = "") {
  return {.key = key, .range_end = range_end};
}
RangeRequest Get(const std::string& key) {
  return {.key = key};
}
TxnRequest Then(std::vector<Operation> success) {
  return {.success = std::move(success)};
}
TxnRequest ThenElse(std::vector<Operation> success, std::vector<Operation> failure) {
  return {.success = std::move(success), .failure = std::move(failure)};
}

TEST(ValidateTest, Range) {
  EXPECT_EQ(Validate(Get("a")), Error::kNone);
  EXPECT_EQ(Validate(Get("")), Error::kEmptyKey);
  RangeRequest range = Get("a");
  range.sort_order = static_cast<SortOrder>(3);
  EXPECT_EQ(Validate(range), Error::kInvalidSortOption);
  range = Get("a");
  range.sort_target = static_cast<SortTarget>(5);
  EXPECT_EQ(Validate(range), Error::kInvalidSortOption);
  range.key = "";
  EXPECT_EQ(Validate(range), Error::kEmptyKey) << "the key is looked at first";
}

TEST(ValidateTest, Put) {
  EXPECT_EQ(Validate(Put("a")), Error::kNone);
  EXPECT_EQ(Validate(PutRequest{.key = "", .value = "v", .ignore_value = true}), Error::kEmptyKey);
  EXPECT_EQ(Validate(PutRequest{.key = "a", .value = "v", .ignore_value = true}),
            Error::kValueProvided);
  EXPECT_EQ(Validate(PutRequest{.key = "a", .lease = 1, .ignore_lease = true}),
            Error::kLeaseProvided);
  const PutRequest both{
      .key = "a", .value = "v", .lease = 1, .ignore_value = true, .ignore_lease = true};
  EXPECT_EQ(Validate(both), Error::kValueProvided) << "the value is looked at first";
  EXPECT_EQ(Validate(PutRequest{.key = "a", .ignore_value = true, .ignore_lease = true}),
            Error::kNone);
}

TEST(ValidateTest, DeleteRange) {
  EXPECT_EQ(Validate(Del("a", kAllFrom)), Error::kNone);
  EXPECT_EQ(Validate(Del("", "b")), Error::kEmptyKey);
}

TEST(ValidateTest, TxnChecksEveryPart) {
  EXPECT_EQ(Validate(TxnRequest(), kMaxOps), Error::kNone);
  TxnRequest empty_compare;
  empty_compare.compare.emplace_back();
  EXPECT_EQ(Validate(empty_compare, kMaxOps), Error::kEmptyKey);
  EXPECT_EQ(Validate(Then({Put("")}), kMaxOps), Error::kEmptyKey);
  EXPECT_EQ(Validate(ThenElse({}, {Get("")}), kMaxOps), Error::kEmptyKey);
  EXPECT_EQ(Validate(Then({Then({Del("")})}), kMaxOps), Error::kEmptyKey);
  EXPECT_EQ(Validate(Then({PutRequest{.key = "a", .value = "v", .ignore_value = true}}), kMaxOps),
            Error::kValueProvided);
}

TEST(ValidateTest, TxnFieldsComeBeforeOverlaps) {
  EXPECT_EQ(Validate(ThenElse({Put("a"), Put("a")}, {Put("")}), kMaxOps), Error::kEmptyKey);
}

TEST(ValidateTest, EachPartMayHoldMaxOps) {
  const auto gets = [](int count) {
    return std::vector<Operation>(static_cast<size_t>(count), Get("a"));
  };
  TxnRequest full = ThenElse(gets(kMaxOps), gets(kMaxOps));
  full.compare.resize(kMaxOps, Compare{.key = "a"});
  EXPECT_EQ(Validate(full, kMaxOps), Error::kNone);
  EXPECT_EQ(Validate(Then(gets(kMaxOps + 1)), kMaxOps), Error::kTooManyOps);
  EXPECT_EQ(Validate(ThenElse({}, gets(kMaxOps + 1)), kMaxOps), Error::kTooManyOps);
  full.compare.resize(kMaxOps + 1, Compare{.key = "a"});
  EXPECT_EQ(Validate(full, kMaxOps), Error::kTooManyOps);
}

TEST(ValidateTest, NestedTxnsDrawOnWhatTheLongestPartLeaves) {
  const auto nested = [](size_t inner, size_t compares) {
    TxnRequest txn = Then({Then(std::vector<Operation>(inner, Get("a")))});
    txn.compare.resize(compares, Compare{.key = "a"});
    return txn;
  };
  EXPECT_EQ(Validate(nested(127, 0), 128), Error::kNone);
  EXPECT_EQ(Validate(nested(128, 0), 128), Error::kTooManyOps);
  EXPECT_EQ(Validate(nested(28, 100), 128), Error::kNone);
  EXPECT_EQ(Validate(nested(29, 100), 128), Error::kTooManyOps);
}

TEST(ValidateTest, NestingDeeperThanACommandCanHoldIsTooMuch) {
  TxnRequest txn;
  for (int depth = 1; depth < kMaxTxnDepth; ++depth) txn = Then({std::move(txn)});
  EXPECT_EQ(Validate(txn, kMaxOps), Error::kNone);
  EXPECT_EQ(Validate(Then({std::move(txn)}), kMaxOps), Error::kTooManyOps);
}

struct Overlap {
  const char* name;
  TxnRequest txn;
  bool duplicate;
};

TEST(ValidateTest, Overlaps) {
  const std::vector<Overlap> cases = {
      {"two keys", Then({Put("a"), Put("b")}), false},
      {"put twice", Then({Put("a"), Put("a")}), true},
      {"put twice in the other branch", ThenElse({}, {Put("a"), Put("a")}), true},
      {"once in each branch", ThenElse({Put("a")}, {Put("a")}), false},
      {"deleted twice", Then({Del("a"), Del("a", "c")}), false},
      {"read and put", Then({Get("a"), Put("a"), Get("a")}), false},
      {"put and deleted", Then({Put("a"), Del("a")}), true},
      {"deleted and put", Then({Del("a"), Put("a")}), true},
      {"deleted next to it", Then({Del("a"), Put(std::string("a\0", 2))}), false},
      {"deleted range begins at it", Then({Put("a"), Del("a", "b")}), true},
      {"deleted range around it", Then({Put("ab"), Del("a", "b")}), true},
      {"deleted range ends before it", Then({Put("b"), Del("a", "b")}), false},
      {"several deleted ranges", Then({Del("a", "c"), Del("x", "z"), Del("b", "e"), Put("d")}),
       true},
      {"between deleted ranges", Then({Del("a", "c"), Del("x", "z"), Put("d")}), false},
      {"inverted range deletes nothing", Then({Put("b"), Del("b", "a")}), false},
      // etcd compares the bytes of "\0" as an end like any other: such a range is inverted.
      {"deleted from a key on", Then({Put("b"), Del("a", kAllFrom)}), false},
      {"put here and nested", Then({Put("a"), Then({Put("a")})}), true},
      {"put nested and here", Then({ThenElse({}, {Put("a")}), Put("a")}), true},
      {"put in both nested branches", Then({ThenElse({Put("a")}, {Put("a")})}), false},
      {"put in two nested", Then({Then({Put("a")}), ThenElse({}, {Put("a")})}), true},
      {"put nested, deleted here", Then({Then({Put("a")}), Del("a")}), true},
      {"deleted nested, put here", Then({Put("a"), Then({Del("a")})}), true},
      {"deleted nested, then put nested", Then({Then({Del("a")}), Then({Put("a")})}), true},
      // Nested transactions are looked at one by one, earlier ones not again.
      {"put nested, then deleted nested", Then({Then({Put("a")}), Then({Del("a")})}), false},
      {"put or deleted nested", Then({ThenElse({Put("a")}, {Del("a")})}), false},
      {"two levels down", Then({Then({Then({Put("a")})}), Put("a")}), true},
      {"inside a nested branch", Then({ThenElse({}, {Put("a"), Put("a")})}), true},
  };
  for (const Overlap& one : cases) {
    EXPECT_EQ(Validate(one.txn, kMaxOps), one.duplicate ? Error::kDuplicateKey : Error::kNone)
        << one.name;
  }
}

TEST(ValidateTest, ReadOnlyLooksIntoBothBranchesAtAnyDepth) {
  EXPECT_TRUE(IsReadOnly(TxnRequest()));
  EXPECT_TRUE(IsReadOnly(ThenElse({Get("a"), Then({Get("b")})}, {Get("c")})));
  EXPECT_FALSE(IsReadOnly(ThenElse({}, {Put("a")})));
  EXPECT_FALSE(IsReadOnly(Then({Del("a")})));
  EXPECT_FALSE(IsReadOnly(Then({ThenElse({}, {Put("a")})})));
}

TEST(ValidateTest, SerializableNeedsEveryRangeToBe) {
  RangeRequest loose = Get("a");
  loose.serializable = true;
  EXPECT_TRUE(IsSerializable(TxnRequest()));
  EXPECT_TRUE(IsSerializable(ThenElse({loose, Then({loose})}, {loose})));
  EXPECT_FALSE(IsSerializable(ThenElse({loose}, {Get("a")})));
  EXPECT_FALSE(IsSerializable(Then({loose, Then({Get("a")})})));
  EXPECT_FALSE(IsSerializable(Then({Put("a")})));
}

TEST(ValidateTest, APointReadNamesNoRangeAnywhere) {
  RangeRequest range = Get("a");
  EXPECT_TRUE(IsPointRead(range));
  range.range_end = "b";
  EXPECT_FALSE(IsPointRead(range));
  EXPECT_TRUE(IsPointRead(TxnRequest()));
  EXPECT_TRUE(IsPointRead(ThenElse({Get("a"), Then({Get("b")})}, {Get("c")})));
  EXPECT_FALSE(IsPointRead(ThenElse({Get("a")}, {range})));
  EXPECT_FALSE(IsPointRead(Then({Get("a"), Then({range})})));
  EXPECT_FALSE(IsPointRead(TxnRequest{.compare = {{.key = "a", .range_end = "b"}}}));
}

}  // namespace
}  // namespace synod::kv
