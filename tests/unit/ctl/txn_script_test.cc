#include "services/ctl/txn_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "etcd/kv.pb.h"

namespace synod::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<etcdserverpb::TxnRequest> Read(const std::string& text) {
  std::istringstream input(text);
  return ReadTxn(input);
}

TEST(TxnScriptTest, ReadsComparesThenBothBranches) {
  const auto txn = Read(
      "mod(\"a\") > \"0\"\nvalue(b) = \"two words\"\n\nput a 1\nget a --prefix\n\ndel a b\n\n");
  ASSERT_TRUE(txn.ok()) << txn.status();
  ASSERT_EQ(txn->compare_size(), 2);
  EXPECT_EQ(txn->compare(0).target(), etcdserverpb::Compare::MOD);
  EXPECT_EQ(txn->compare(0).result(), etcdserverpb::Compare::GREATER);
  EXPECT_EQ(txn->compare(1).value(), "two words");
  ASSERT_EQ(txn->success_size(), 2);
  EXPECT_EQ(txn->success(0).request_put().value(), "1");
  EXPECT_EQ(txn->success(1).request_range().range_end(), "b");
  ASSERT_EQ(txn->failure_size(), 1);
  EXPECT_EQ(txn->failure(0).request_delete_range().range_end(), "b");
}

TEST(TxnScriptTest, ParenthesesMayStandInKeysAndOperands) {
  const auto txn = Read("value(\"k\") = \"f(x)\"\nvalue( \"a\\\")b\" ) = \"1\"\nmod(k) > 1\n");
  ASSERT_TRUE(txn.ok()) << txn.status();
  EXPECT_EQ(txn->compare(0).key(), "k");
  EXPECT_EQ(txn->compare(0).value(), "f(x)");
  EXPECT_EQ(txn->compare(1).key(), "a\")b");
  EXPECT_EQ(txn->compare(1).value(), "1");
  EXPECT_EQ(txn->compare(2).key(), "k");
}

TEST(TxnScriptTest, LeasesAreHexadecimal) {
  const auto txn = Read("lease(\"k\") = \"1f\"\n");
  ASSERT_TRUE(txn.ok()) << txn.status();
  EXPECT_EQ(txn->compare(0).lease(), 0x1f);
  EXPECT_FALSE(Read("lease(\"k\") = \"1g\"\n").ok());
}

TEST(TxnScriptTest, TheEmptyPrefixIsEveryKey) {
  const auto txn = Read("\nget \"\" --prefix\ndel \"\" --prefix\n");
  ASSERT_TRUE(txn.ok()) << txn.status();
  const std::string zero(1, '\0');
  EXPECT_EQ(txn->success(0).request_range().key(), zero);
  EXPECT_EQ(txn->success(0).request_range().range_end(), zero);
  EXPECT_EQ(txn->success(1).request_delete_range().key(), zero);
}

TEST(TxnScriptTest, TheEndOfInputEndsEveryPart) {
  const auto txn = Read("\nput a 1");
  ASSERT_TRUE(txn.ok());
  EXPECT_EQ(txn->success_size(), 1);
}

TEST(TxnScriptTest, WhatItDoesNotUnderstandIsQuoted) {
  for (const std::string line : {"mod(a) ~ 1", "size(a) = 1", "mod(a) = x", "mod a = 1"}) {
    const auto txn = Read(line);
    EXPECT_EQ(txn.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(txn.status().message()), HasSubstr(line));
  }
  for (const std::string line : {"put a", "move a b", "get", "get a --limit 3", "put \"a b",
                                 "del a b --prefix", "put a b --prefix"}) {
    const auto txn = Read("\n" + line);
    EXPECT_EQ(txn.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(txn.status().message()), HasSubstr(line));
  }
}

TEST(TxnScriptTest, QuotesHoldWordsTogetherAndTakeEscapes) {
  const auto words = SplitWords(R"(put "a b" "\x41\n\"" plain)");
  ASSERT_TRUE(words.ok());
  EXPECT_THAT(*words, ElementsAre("put", "a b", "A\n\"", "plain"));
}

TEST(PrefixEndTest, IsTheNextKeyThatDoesNotBeginWithThePrefix) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(PrefixEnd(""), std::string(1, '\0'));
}

}  // namespace
}  // namespace synod::ctl
