// The proxy between real gRPC clients and servers: all four kinds of calls, metadata, deadlines,
// cancellation, large messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/http2/grpc_echo.h"
#include "tests/unit/balancer/proxy/proxy_fixture.h"

namespace synod::balancer {
namespace {

using test::EchoClient;
using test::EchoServer;

TEST(GrpcSemanticsTest, Unary) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  std::string response;
  const grpc::Status status = client.Unary("/test.Echo/Unary", "hello", &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response, "hello");
  EXPECT_EQ(server.calls().value(), 1u);
  Settle(proxy);
  EXPECT_EQ(proxy.stats(server.address()).in_flight(), 0u);
  EXPECT_EQ(proxy.stats(server.address()).calls_total.load(), 1u);
  EXPECT_EQ(proxy.stats(server.address()).failures_total.load(), 0u);
}

TEST(GrpcSemanticsTest, MetadataPassesUntouched) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  const std::string binary("\x00\xff\x80 raw", 8);
  grpc::ClientContext context;
  context.AddMetadata("x-text", "some text, with = signs");
  context.AddMetadata("x-data-bin", binary);
  std::string response;
  ASSERT_TRUE(client.Unary("/test.Echo/Unary", "", &response, &context).ok());
  const auto initial = context.GetServerInitialMetadata();
  const auto trailing = context.GetServerTrailingMetadata();
  for (const auto* metadata : {&initial, &trailing}) {
    const auto text = metadata->find("echo-x-text");
    ASSERT_NE(text, metadata->end());
    EXPECT_EQ(std::string(text->second.data(), text->second.size()), "some text, with = signs");
    const auto data = metadata->find("echo-x-data-bin");
    ASSERT_NE(data, metadata->end());
    EXPECT_EQ(std::string(data->second.data(), data->second.size()), binary);
  }
}

TEST(GrpcSemanticsTest, TrailersOnlyStatusPassesUnchanged) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  std::string response;
  const grpc::Status status = client.Unary("/test.Echo/Fail", "x", &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "the message");
  EXPECT_EQ(proxy.stats(server.address()).failures_total.load(), 0u) << "an answer is no failure";
}

TEST(GrpcSemanticsTest, ServerStreaming) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  EchoClient::Chat chat(&client, "/test.Echo/Count");
  ASSERT_TRUE(chat.Write("1000"));
  ASSERT_TRUE(chat.WritesDone());
  std::string message;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(chat.Read(&message));
    ASSERT_EQ(message, absl::StrCat(i));
  }
  EXPECT_FALSE(chat.Read(&message));
  EXPECT_TRUE(chat.Finish().ok());
}

TEST(GrpcSemanticsTest, ClientStreaming) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  EchoClient::Chat chat(&client, "/test.Echo/Sum");
  const std::string message(10'000, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(chat.Write(message));
  ASSERT_TRUE(chat.WritesDone());
  std::string sum;
  ASSERT_TRUE(chat.Read(&sum));
  EXPECT_EQ(sum, "1000000");
  EXPECT_TRUE(chat.Finish().ok());
}

TEST(GrpcSemanticsTest, BidiPingPong) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  EchoClient::Chat chat(&client, "/test.Echo/Chat");
  std::string message;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(chat.Write(absl::StrCat("ping", i)));
    ASSERT_TRUE(chat.Read(&message));
    ASSERT_EQ(message, absl::StrCat("ping", i));
  }
  ASSERT_TRUE(chat.WritesDone());
  EXPECT_FALSE(chat.Read(&message));
  EXPECT_TRUE(chat.Finish().ok());
}

TEST(GrpcSemanticsTest, LargeMessagesBothWays) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  std::string request(10 << 20, 'a');
  for (size_t i = 0; i < request.size(); i += 997) request[i] = static_cast<char>('a' + i % 26);
  std::string response;
  const grpc::Status status = client.Unary("/test.Echo/Unary", request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response == request);
}

TEST(GrpcSemanticsTest, CancelReachesTheBackend) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  {
    EchoClient::Chat chat(&client, "/test.Echo/Hang");
    ASSERT_TRUE(chat.Write("x"));
    ASSERT_TRUE(server.calls().Await(1));
    chat.context().TryCancel();
    EXPECT_EQ(chat.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(server.cancelled().Await(1));
  Settle(proxy);
  EXPECT_EQ(proxy.stats(server.address()).in_flight(), 0u);
  EXPECT_EQ(proxy.stats(server.address()).failures_total.load(), 0u);
}

TEST(GrpcSemanticsTest, DeadlineEndsTheCallOnBothSides) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  std::string response;
  EXPECT_EQ(client.Unary("/test.Echo/Hang", "x", &response, &context).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(server.cancelled().Await(1));
}

TEST(GrpcSemanticsTest, CallsOfOneConnectionSpreadOverBackends) {
  EchoServer a;
  EchoServer b;
  TestProxy proxy({a.address(), b.address()});
  EchoClient client(proxy.port());
  std::string response;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.Unary("/test.Echo/Unary", "x", &response).ok());
  EXPECT_EQ(a.calls().value(), 10u);
  EXPECT_EQ(b.calls().value(), 10u);
}

TEST(GrpcSemanticsTest, AThousandStreamsAtOnce) {
  EchoServer server;
  TestProxy proxy({server.address()});
  EchoClient client(proxy.port());
  std::vector<std::unique_ptr<EchoClient::Chat>> chats;
  for (int i = 0; i < 1000; ++i) {
    chats.push_back(std::make_unique<EchoClient::Chat>(&client, "/test.Echo/Chat"));
    ASSERT_TRUE(chats.back()->Write(absl::StrCat(i)));
  }
  std::string message;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(chats[i]->Read(&message));
    ASSERT_EQ(message, absl::StrCat(i));
  }
  EXPECT_EQ(proxy->counters().streams_open, 1000u);
  for (auto& chat : chats) {
    ASSERT_TRUE(chat->WritesDone());
    EXPECT_FALSE(chat->Read(&message));
    EXPECT_TRUE(chat->Finish().ok());
  }
  Settle(proxy);
  EXPECT_EQ(proxy->counters().streams_open, 0u);
}

TEST(GrpcSemanticsTest, ViewSwapUnderLoadLosesNoCall) {
  EchoServer a;
  EchoServer b;
  TestProxy proxy({a.address()}, {.threads = 2});
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  testing::EventCount calls;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      EchoClient client(proxy.port());
      std::string response;
      while (!stop) {
        calls.Add();
        if (!client.Unary("/test.Echo/Unary", "x", &response).ok()) ++failures;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const uint64_t before = calls.value();
    ASSERT_TRUE(calls.Await(before + 11));
    if (i % 3 == 0) proxy.SetBackends({a.address()});
    if (i % 3 == 1) proxy.SetBackends({b.address()});
    if (i % 3 == 2) proxy.SetBackends({a.address(), b.address()});
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0) << "of " << calls.value();
  EXPECT_GT(a.calls().value(), 0u);
  EXPECT_GT(b.calls().value(), 0u);
}

TEST(GrpcSemanticsTest, GracefulEndOfABackendLosesNoCall) {
  auto a = std::make_unique<EchoServer>();
  EchoServer b;
  TestProxy proxy({a->address(), b.address()});
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  testing::EventCount calls;
  std::thread load([&] {
    EchoClient client(proxy.port());
    std::string response;
    while (!stop) {
      calls.Add();
      const grpc::Status status = client.Unary("/test.Echo/Unary", "x", &response);
      // gRPC's server itself cancels a call that it accepts while it shuts down.
      if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED) {
        ++failures;
        ADD_FAILURE() << status.error_message();
      }
    }
  });
  ASSERT_TRUE(calls.Await(101));
  a->ShutdownGracefully();
  const uint64_t before = calls.value();
  ASSERT_TRUE(calls.Await(before + 101));
  stop = true;
  load.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace synod::balancer
