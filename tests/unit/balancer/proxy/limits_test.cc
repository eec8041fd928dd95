// What a client may not do, and how the proxy starts, ages connections and ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "tests/unit/balancer/proxy/proxy_fixture.h"

namespace synod::balancer {
namespace {

using test::RawListener;
using test::RawPeer;
using test::RunUntil;
using ::testing::HasSubstr;

// No backend is needed: the calls never get that far.
const std::vector<std::string> kNobody = {"127.0.0.1:1"};

const absl::Duration kBeyondHeaderTimeout = ProxyOptions().header_timeout + absl::Seconds(1);

TEST(LimitsTest, RapidResetEndsTheConnection) {
  RawListener silent;
  TestProxy proxy({silent.address()});
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->settings_seen(); }));
  for (int i = 0; i < 20'000 && client->goaways() == 0 && !client->closed(); ++i) {
    const int32_t id = client->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
    client->Step(0);  // a reset of what was never sent would cancel it silently
    client->Reset(id, NGHTTP2_CANCEL);
  }
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->goaways() > 0; }));
  EXPECT_EQ(client->goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_THAT(client->goaway_text(), HasSubstr("reset"));
  Settle(proxy);
  EXPECT_EQ(proxy->counters().streams_open, 0u);
  EXPECT_EQ(proxy->counters().connections_punished_total, 1u);
}

// What many calls do together when their deadline passes in an outage.
TEST(LimitsTest, CancelsOfAgedCallsAreFine) {
  RawListener silent;
  TestProxy proxy({silent.address()}, {.max_streams_per_client_connection = 2000});
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->settings_seen(); }));
  for (int i = 0; i < 1500; ++i) client->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return proxy->counters().streams_open == 1500; }));
  proxy.Advance(absl::Milliseconds(150));
  ASSERT_TRUE(TurnTwice(*client));
  for (int32_t id = 1; id < 3000; id += 2) client->Reset(id, NGHTTP2_CANCEL);
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return proxy->counters().streams_open == 0; }));
  ASSERT_TRUE(TurnTwice(*client));
  EXPECT_EQ(client->goaways(), 0);
}

TEST(LimitsTest, APingFloodEndsTheConnection) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->settings_seen(); }));
  for (int i = 0; i < 20'000 && client->goaways() == 0 && !client->closed(); ++i) {
    client->Ping();
    if (i % 100 == 0) client->Step(0);
  }
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->goaways() > 0; }));
  EXPECT_EQ(client->goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_THAT(client->goaway_text(), HasSubstr("PING"));
}

TEST(LimitsTest, KeepalivePingsAreAnsweredWithoutCalls) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  for (int i = 1; i <= 100; ++i) {
    client->Ping();
    ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->ping_acks() == i; }));
  }
  EXPECT_EQ(client->goaways(), 0);
}

TEST(LimitsTest, SilenceInsteadOfAPrefaceIsClosed) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  client->parse = false;
  client->WriteRaw("PRI * HTTP/2.0\r\n\r\nS");
  Settle(proxy);
  proxy.Advance(kBeyondHeaderTimeout);
  Settle(proxy);
  EXPECT_TRUE(RunUntil({client.get()}, [&] { return client->closed(); }));
  const auto witness = Settle(proxy);
  EXPECT_EQ(proxy->counters().client_connections, 1u) << "the witness alone";
}

TEST(LimitsTest, HeadersThatNeverEndAreClosed) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(TurnTwice(*client));
  // HEADERS of stream 1 without END_HEADERS, with one indexed field; CONTINUATION never comes.
  client->WriteRaw(absl::string_view("\x00\x00\x01\x01\x00\x00\x00\x00\x01\x83", 10));
  Settle(proxy);
  proxy.Advance(kBeyondHeaderTimeout);
  Settle(proxy);
  EXPECT_TRUE(RunUntil({client.get()}, [&] { return client->closed(); }));
}

TEST(LimitsTest, InvalidHeadersEndTheirStreamOnly) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  client->Request({{":method", "GET"}});  // no :scheme, no :path
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->stream(1).reset_code.has_value(); }));
  proxy.Advance(kBeyondHeaderTimeout);
  EXPECT_TRUE(TurnTwice(*client));
}

TEST(LimitsTest, AnIdleConnectionOutlivesTheHeaderTimeout) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(TurnTwice(*client));
  for (int i = 0; i < 3; ++i) {
    proxy.Advance(kBeyondHeaderTimeout);
    EXPECT_TRUE(TurnTwice(*client));
  }
}

TEST(LimitsTest, AnHttp1ClientIsToldWhatThisPortSpeaks) {
  TestProxy proxy(kNobody);
  auto client = RawPeer::Connect(proxy.port());
  client->parse = false;
  client->WriteRaw("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->closed(); }));
  EXPECT_THAT(client->raw_text(), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(client->raw_text(), HasSubstr("gRPC"));
}

TEST(LimitsTest, ConnectionsBeyondTheMostAreToldSo) {
  TestProxy proxy(kNobody, {.max_client_connections = 2});
  auto one = RawPeer::Connect(proxy.port());
  auto two = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(TurnTwice(*one) && TurnTwice(*two));
  ASSERT_EQ(proxy->counters().client_connections, 2u);
  auto three = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(RunUntil({three.get()}, [&] { return three->goaways() == 1; }));
  EXPECT_EQ(three->goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_THAT(three->goaway_text(), HasSubstr("the limit is 2;"));
  EXPECT_EQ(proxy->counters().connections_refused_total, 1u);
  one->Close();
  ASSERT_TRUE(TurnTwice(*two));
  ASSERT_EQ(proxy->counters().client_connections, 1u);
  auto four = RawPeer::Connect(proxy.port());
  four->Ping();
  EXPECT_TRUE(RunUntil({four.get()}, [&] { return four->ping_acks() == 1; }));
}

TEST(LimitsTest, AnAgedConnectionIsAskedToGo) {
  TestProxy proxy(kNobody, {.max_client_connection_age = absl::Milliseconds(100)});
  auto client = RawPeer::Connect(proxy.port());
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->closed(); }));
  // nghttp2's client reads no further than the first, without streams.
  EXPECT_GE(client->goaways(), 1);
  EXPECT_EQ(client->goaway_code(), NGHTTP2_NO_ERROR);
}

TEST(StartTest, APortInUseIsRefusedByName) {
  const SystemClock clock;
  auto view = std::make_shared<View>();
  view->policy = "round_robin";
  RawListener taken;
  TestProxy running(kNobody, {.threads = 2});
  for (const std::string& address : {taken.address(), absl::StrCat("127.0.0.1:", running.port())}) {
    for (int threads : {1, 2}) {
      const auto proxy = Proxy::Start({.listen = address, .threads = threads}, view, &clock);
      ASSERT_EQ(proxy.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(std::string(proxy.status().message()), HasSubstr(address));
    }
  }
}

TEST(StartTest, BadOptionsAreNamed) {
  const SystemClock clock;
  auto view = std::make_shared<View>();
  view->policy = "round_robin";
  for (const char* address : {"", "nowhere", "127.0.0.1", "127.0.0.1:99999", "no such host:1"}) {
    EXPECT_EQ(Proxy::Start({.listen = address}, view, &clock).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
  EXPECT_EQ(Proxy::Start({.listen = "127.0.0.1:0", .threads = 0}, view, &clock).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Drain blocks, so it runs beside the script.
class DrainTest : public ::testing::Test {
 protected:
  void StartCall(absl::Duration drain_timeout) {
    ProxyOptions options;
    options.connections_per_backend = 1;
    options.drain_timeout = drain_timeout;
    proxy_ = std::make_unique<TestProxy>(std::vector{listener_.address()}, std::move(options));
    client_ = RawPeer::Connect(proxy_->port());
    client_->Request(GrpcRequest("/a.B/C"), "x");
    client_->Step(0);
    backend_ = listener_.Accept();
    ASSERT_TRUE(
        RunUntil({client_.get(), backend_.get()}, [&] { return backend_->stream(1).ended; }));
    drain_ = std::thread([this] { (*proxy_)->Drain(); });
    ASSERT_TRUE(RunUntil({client_.get()}, [&] { return client_->goaways() == 2; }));
    EXPECT_EQ(client_->goaway_last_id(), 1);
    EXPECT_EQ(client_->goaway_code(), NGHTTP2_NO_ERROR);
  }

  RawListener listener_;
  std::unique_ptr<TestProxy> proxy_;
  std::unique_ptr<RawPeer> client_;
  std::unique_ptr<RawPeer> backend_;
  std::thread drain_;
};

TEST_F(DrainTest, CallsUnderWayFinish) {
  StartCall(absl::Seconds(30));
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->Send(1, "answer", /*end=*/true);
  ASSERT_TRUE(RunUntil({client_.get(), backend_.get()}, [&] { return client_->closed(); }));
  drain_.join();
  EXPECT_EQ(client_->stream(1).data, "answer");
  EXPECT_TRUE(client_->stream(1).ended);
}

TEST_F(DrainTest, CallsThatOutliveTheTimeoutAreTold) {
  StartCall(absl::Milliseconds(100));
  ASSERT_TRUE(RunUntil({client_.get(), backend_.get()}, [&] { return client_->closed(); }));
  drain_.join();
  EXPECT_EQ(client_->stream(1).Header("grpc-status"), "14");
  EXPECT_THAT(client_->stream(1).Header("grpc-message"), HasSubstr("shutting down"));
  EXPECT_THAT(client_->stream(1).Header("grpc-message"), HasSubstr("may or may not have been"));
  EXPECT_EQ(proxy_->stats(listener_.address()).in_flight(), 0u);
}

}  // namespace
}  // namespace synod::balancer
