// The bytes of commands: one encoding per request, and nothing else is accepted.
#include "services/kv/command.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/random.h"
#include "tests/unit/kv/random_requests.h"

namespace synod::kv {
namespace {

// The encoding is injective, so equal bytes mean equal requests.
void ExpectRoundTrip(const Request& request) {
  const std::string bytes = EncodeCommand(request);
  const absl::StatusOr<Request> decoded = DecodeCommand(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(EncodeCommand(*decoded), bytes);
}

TxnRequest Nested(int depth) {
  TxnRequest txn;
  if (depth > 1) txn.success.emplace_back(Nested(depth - 1));
  return txn;
}

std::vector<std::string> RandomCommands(uint64_t seed, int count) {
  RandomRequests requests((Random(seed)));
  std::vector<std::string> commands;
  for (int i = 0; i < count; ++i) commands.push_back(EncodeCommand(requests.Command(50)));
  return commands;
}

TEST(CommandTest, TheBytesOfAPutAreFixed) {
  // A change of these bytes is a change of the log's format: it needs a new first byte.
  const PutRequest put{.key = "k", .value = "vw", .lease = 300, .ignore_lease = true};
  EXPECT_EQ(EncodeCommand(put), std::string("\x01\x01"      // format, kind
                                            "\x01\0\0\0k"   // key
                                            "\x02\0\0\0vw"  // value
                                            "\xac\x02"      // lease
                                            "\0\0\x01",     // prev_kv, ignore_value, ignore_lease
                                            18));
}

TEST(CommandTest, EveryFieldSurvives) {
  const std::string odd("\0\xff\n", 3);
  const RangeRequest range{.key = odd,
                           .range_end = "e",
                           .limit = -1,
                           .revision = INT64_MAX,
                           .sort_order = SortOrder::kDescend,
                           .sort_target = SortTarget::kValue,
                           .serializable = true,
                           .keys_only = false,
                           .count_only = true,
                           .min_mod_revision = 127,
                           .max_mod_revision = 128,
                           .min_create_revision = INT64_MIN,
                           .max_create_revision = 16384};
  TxnRequest txn;
  txn.compare.push_back({.result = CompareResult::kNotEqual,
                         .target = CompareTarget::kLease,
                         .key = odd,
                         .range_end = odd,
                         .number = -7,
                         .value = odd});
  txn.success = {range, PutRequest{.key = "p", .value = odd, .prev_kv = true}};
  txn.failure = {DeleteRangeRequest{.key = "d", .range_end = "e", .prev_kv = true}, TxnRequest()};

  const auto decoded = DecodeCommand(EncodeCommand(txn));
  ASSERT_TRUE(decoded.ok());
  const auto& copy = std::get<TxnRequest>(*decoded);
  EXPECT_EQ(copy.compare[0].number, -7);
  EXPECT_EQ(copy.compare[0].value, odd);
  EXPECT_EQ(copy.compare[0].target, CompareTarget::kLease);
  const auto& got = std::get<RangeRequest>(copy.success[0]);
  EXPECT_EQ(got.key, odd);
  EXPECT_EQ(got.limit, -1);
  EXPECT_EQ(got.revision, INT64_MAX);
  EXPECT_EQ(got.min_create_revision, INT64_MIN);
  EXPECT_EQ(got.max_create_revision, 16384);
  EXPECT_EQ(got.sort_target, SortTarget::kValue);
  EXPECT_TRUE(got.serializable && !got.keys_only && got.count_only);
  EXPECT_TRUE(std::get<PutRequest>(copy.success[1]).prev_kv);
  EXPECT_EQ(std::get<DeleteRangeRequest>(copy.failure[0]).range_end, "e");
  EXPECT_TRUE(std::holds_alternative<TxnRequest>(copy.failure[1]));
}

TEST(CommandTest, RandomRequestsRoundTrip) {
  RandomRequests requests((Random(1)));
  for (int i = 0; i < 2000; ++i) ExpectRoundTrip(requests.Command(1000));
}

TEST(CommandTest, TransactionsNestToTheLimitOnly) {
  EXPECT_TRUE(DecodeCommand(EncodeCommand(Nested(kMaxTxnDepth))).ok());
  EXPECT_FALSE(DecodeCommand(EncodeCommand(Nested(kMaxTxnDepth + 1))).ok());
  EXPECT_FALSE(DecodeCommand(EncodeCommand(Nested(5000))).ok());
}

TEST(CommandTest, AnythingCutOrContinuedIsRefused) {
  for (const std::string& command : RandomCommands(2, 100)) {
    for (size_t size = 0; size < command.size(); ++size) {
      EXPECT_FALSE(DecodeCommand(absl::string_view(command).substr(0, size)).ok());
    }
    EXPECT_FALSE(DecodeCommand(command + '\0').ok());
  }
}

TEST(CommandTest, RefusesWhatNoEncoderWrites) {
  const std::string put = EncodeCommand(PutRequest{.key = "k"});
  const auto with = [&](size_t at, char byte) {
    std::string bytes = put;
    bytes[at] = byte;
    return DecodeCommand(bytes).ok();
  };
  EXPECT_TRUE(with(0, 1));
  EXPECT_FALSE(with(0, 2)) << "a later format";
  EXPECT_FALSE(with(1, 0)) << "no kind";
  EXPECT_FALSE(with(1, 5)) << "a range never travels alone";
  EXPECT_FALSE(with(1, 7)) << "a later kind";
  EXPECT_FALSE(with(put.size() - 1, 2)) << "not a boolean";
  EXPECT_FALSE(with(2, '\x7f')) << "a length beyond the end";
  const std::string compact("\x01\x04", 2);
  EXPECT_TRUE(DecodeCommand(compact + std::string("\x05\0", 2)).ok());
  EXPECT_FALSE(DecodeCommand(compact + std::string("\x85\0\0", 3)).ok()) << "a longer five";
  EXPECT_FALSE(DecodeCommand(compact + std::string(9, '\xff') + std::string("\x02\0", 2)).ok())
      << "more than 64 bits";
}

TEST(CommandTest, RandomDamageIsRefusedOrIsAnotherRequestsOnlyEncoding) {
  Random random(3);
  for (const std::string& command : RandomCommands(4, 3000)) {
    std::string bytes = command;
    for (uint64_t i = 1 + random.Below(3); i > 0; --i) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    const auto decoded = DecodeCommand(bytes);
    if (decoded.ok()) {
      EXPECT_EQ(EncodeCommand(*decoded), bytes);
    }
  }
}

TEST(CommandTest, RandomBytesAreRefusedOrRoundTrip) {
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes("\x01", 1);
    for (uint64_t size = random.Below(40); size > 0; --size) {
      bytes += static_cast<char>(random.Chance(0.7) ? random.Below(4) : random.Next());
    }
    const auto decoded = DecodeCommand(bytes);
    if (decoded.ok()) {
      EXPECT_EQ(EncodeCommand(*decoded), bytes);
    }
  }
}

}  // namespace
}  // namespace synod::kv
