#include "services/paxos/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"

namespace synod::paxos {
namespace {

TEST(ValueTest, CommandsComeBackAsTheyWent) {
  const Value value = Value::OfCommands({{{NodeId(1), 7}, "a"}, {{NodeId(2), 8}, ""}});
  const auto parsed = Value::Parse(std::string(value.bytes().data(), value.bytes().size()));
  ASSERT_TRUE(parsed.ok());
  const std::vector<CommandView> commands = parsed->Commands();
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].id, (CommandId{NodeId(1), 7}));
  EXPECT_EQ(commands[0].payload, "a");
  EXPECT_EQ(commands[1].payload, "");
  EXPECT_EQ(*parsed, value);
}

TEST(ValueTest, NoOpIsTheDefault) {
  EXPECT_TRUE(Value().is_no_op());
  EXPECT_TRUE(Value().Commands().empty());
}

TEST(ValueTest, MalformedBytesAreRefused) {
  for (const std::string& bytes : {std::string(), std::string("\0x", 2), std::string("\1", 1),
                                   std::string("\1abc", 4), std::string("\x09", 1)}) {
    EXPECT_EQ(Value::Parse(bytes).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ValueTest, EveryCutOfAValueIsRefused) {
  const Value value = Value::OfCommands({{{NodeId(1), 7}, "abc"}, {{NodeId(2), 8}, "de"}});
  const std::string bytes(value.bytes().data(), value.bytes().size());
  for (size_t size = 1; size < bytes.size(); ++size) {
    const auto parsed = Value::Parse(bytes.substr(0, size));
    // A cut between two commands is a whole, shorter value.
    if (size == 1 + 20 + 3) continue;
    EXPECT_FALSE(parsed.ok()) << size;
  }
}

TEST(ValueTest, RandomBytesNeverCrash) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(random.Below(64), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    const auto parsed = Value::Parse(bytes);
    if (parsed.ok()) parsed->Commands();
  }
}

}  // namespace
}  // namespace synod::paxos
