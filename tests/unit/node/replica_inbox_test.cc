#include "services/node/replica_inbox.h"

#include <gtest/gtest.h>

#include <thread>

namespace synod::node {
namespace {

paxos::Command CommandOf(size_t bytes) {
  return {{NodeId(1), 1}, std::string(bytes, 'x')};
}

paxos::Message AcceptOf(size_t bytes) {
  paxos::Accept accept;
  accept.value = paxos::Value::OfCommands({CommandOf(bytes)});
  return {GroupId(1), NodeId(2), NodeId(1), accept};
}

constexpr absl::Duration kNoWait = absl::ZeroDuration();

TEST(ReplicaInboxTest, TakesEverythingAtOnce) {
  ReplicaInbox inbox({});
  ReplicaInputs inputs;
  EXPECT_TRUE(inbox.PostCommand(CommandOf(1)));
  inbox.PostMessages({AcceptOf(1)});
  inbox.PostMessages({AcceptOf(1), AcceptOf(1)});
  inbox.PostPersisted(3);
  inbox.PostPersisted(2);
  inbox.PostDurable(Slot(8));
  EXPECT_TRUE(inbox.Take(inputs, kNoWait));
  EXPECT_EQ(inputs.commands.size(), 1u);
  EXPECT_EQ(inputs.messages.size(), 3u);
  EXPECT_EQ(inputs.persisted, 3u) << "the newest";
  EXPECT_EQ(inputs.durable_applied, Slot(8));
  EXPECT_TRUE(inbox.Take(inputs, kNoWait));
  EXPECT_TRUE(inputs.empty());
}

TEST(ReplicaInboxTest, RefusesCommandsBeyondItsBound) {
  ReplicaInbox inbox({.command_bytes = 1000, .message_bytes = 1000});
  EXPECT_TRUE(inbox.PostCommand(CommandOf(700)));
  EXPECT_GT(inbox.utilization(), 0.7);
  EXPECT_FALSE(inbox.PostCommand(CommandOf(700)));
  ReplicaInputs inputs;
  inbox.Take(inputs, kNoWait);
  EXPECT_TRUE(inbox.PostCommand(CommandOf(700))) << "room again";
}

TEST(ReplicaInboxTest, DropsAndCountsMessagesBeyondItsBound) {
  ReplicaInbox inbox({.command_bytes = 1000, .message_bytes = 1000});
  inbox.PostMessages({AcceptOf(700)});
  inbox.PostMessages({AcceptOf(700), AcceptOf(1)});
  EXPECT_EQ(inbox.messages_dropped_total(), 2u);
  ReplicaInputs inputs;
  inbox.Take(inputs, kNoWait);
  EXPECT_EQ(inputs.messages.size(), 1u);
}

TEST(ReplicaInboxTest, MessageLargerThanTheBoundGetsThroughAlone) {
  ReplicaInbox inbox({.command_bytes = 1000, .message_bytes = 1000});
  inbox.PostMessages({AcceptOf(5000)});
  inbox.PostMessages({AcceptOf(1)});
  EXPECT_EQ(inbox.messages_dropped_total(), 1u);
  ReplicaInputs inputs;
  inbox.Take(inputs, kNoWait);
  EXPECT_EQ(inputs.messages.size(), 1u);
}

TEST(ReplicaInboxTest, WakeBeforeTakeIsNotLost) {
  ReplicaInbox inbox({});
  inbox.Wake();
  ReplicaInputs inputs;
  EXPECT_TRUE(inbox.Take(inputs, absl::InfiniteDuration()));
}

TEST(ReplicaInboxTest, CloseEndsTheWait) {
  ReplicaInbox inbox({});
  std::thread closer([&] { inbox.Close(); });
  ReplicaInputs inputs;
  EXPECT_FALSE(inbox.Take(inputs, absl::InfiniteDuration()));
  closer.join();
  EXPECT_FALSE(inbox.PostCommand(CommandOf(1)));
}

}  // namespace
}  // namespace synod::node
