// What passes through the proxy, frame by frame, between a scripted client and a scripted backend.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/balancer/proxy/proxy_fixture.h"

namespace synod::balancer {
namespace {

using test::RawListener;
using test::RawPeer;
using test::RunUntil;

// One client, one backend, and the connection between proxy and backend.
class FramesTest : public ::testing::Test {
 protected:
  void Connect(ProxyOptions options = {}, test::RawOptions client_options = {},
               test::RawOptions backend_options = {}) {
    options.connections_per_backend = 1;
    proxy_ = std::make_unique<TestProxy>(std::vector{listener_.address()}, std::move(options));
    client_ = RawPeer::Connect(proxy_->port(), std::move(client_options));
    backend_options_ = std::move(backend_options);
  }

  // Waits until the backend has stream `id`'s headers; accepts the connection first.
  void AwaitRequest(int32_t id) {
    if (backend_ == nullptr) {
      client_->Step(0);
      backend_ = listener_.Accept(backend_options_);
      ASSERT_NE(backend_, nullptr);
    }
    ASSERT_TRUE(Run([&] { return backend_->stream(id).have_headers; }));
  }

  bool Run(const std::function<bool()>& done) {
    return RunUntil({client_.get(), backend_.get()}, done);
  }

  RawListener listener_;
  std::unique_ptr<TestProxy> proxy_;
  std::unique_ptr<RawPeer> client_;
  std::unique_ptr<RawPeer> backend_;
  test::RawOptions backend_options_;
};

TEST_F(FramesTest, RequestHeadersAreForwardedAsTheyCame) {
  Connect();
  const test::Headers headers = GrpcRequest(
      "/a.B/C", {{"x-one", "1"}, {"x-data-bin", "AAEC/w"}, {"x-one", "2"}, {"grpc-timeout", "5S"}});
  client_->Request(headers, "body");
  AwaitRequest(1);
  EXPECT_EQ(backend_->stream(1).Header("grpc-timeout").back(), 'u');
  test::Headers seen = backend_->stream(1).headers;
  std::erase_if(seen, [](const auto& header) { return header.first == "grpc-timeout"; });
  test::Headers expected = headers;
  std::erase_if(expected, [](const auto& header) { return header.first == "grpc-timeout"; });
  EXPECT_EQ(seen, expected);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).ended; }));
  EXPECT_EQ(backend_->stream(1).data, "body");
}

TEST_F(FramesTest, InterimResponsesAreDropped) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C"));
  AwaitRequest(1);
  backend_->Interim(1, {{":status", "103"}, {"link", "</x>"}});
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->SendTrailers(1, {{"grpc-status", "0"}});
  ASSERT_TRUE(Run([&] { return client_->stream(1).ended; }));
  EXPECT_EQ(client_->stream(1).headers, GrpcResponse());
  EXPECT_EQ(client_->stream(1).Trailer("grpc-status"), "0");
}

TEST_F(FramesTest, TrailersOnlyStaysOneHeaderSection) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C"), "x");
  AwaitRequest(1);
  test::Headers headers = GrpcResponse();
  headers.push_back({"grpc-status", "5"});
  headers.push_back({"grpc-message", "not%20here"});
  backend_->Respond(1, headers, /*end=*/true);
  ASSERT_TRUE(Run([&] { return client_->stream(1).ended; }));
  EXPECT_EQ(client_->stream(1).headers, headers);
  EXPECT_TRUE(client_->stream(1).trailers.empty());
}

TEST_F(FramesTest, EitherSideMayEndFirst) {
  Connect();
  // The client ends, the backend goes on.
  client_->Request(GrpcRequest("/a.B/C"), "all");
  AwaitRequest(1);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).ended; }));
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->Send(1, "some", /*end=*/false);
  ASSERT_TRUE(Run([&] { return client_->stream(1).data == "some"; }));
  EXPECT_FALSE(client_->stream(1).ended);
  backend_->SendTrailers(1, {{"grpc-status", "0"}});
  ASSERT_TRUE(Run([&] { return client_->stream(1).closed; }));

  // The backend ends, the client goes on.
  client_->Request(GrpcRequest("/a.B/C"), "part", /*end=*/false);
  AwaitRequest(3);
  backend_->Respond(3, GrpcResponse(), /*end=*/false);
  backend_->SendTrailers(3, {{"grpc-status", "0"}});
  ASSERT_TRUE(Run([&] { return client_->stream(3).ended; }));
  EXPECT_FALSE(client_->stream(3).reset_code.has_value());
  client_->Send(3, " and the rest", /*end=*/true);
  ASSERT_TRUE(Run([&] { return backend_->stream(3).ended; }));
  EXPECT_EQ(backend_->stream(3).data, "part and the rest");
}

TEST_F(FramesTest, RequestTrailersAreForwarded) {
  Connect();
  const int32_t id = client_->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  client_->SendTrailers(id, {{"x-checksum", "7"}});
  AwaitRequest(1);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).ended; }));
  EXPECT_EQ(backend_->stream(1).data, "x");
  EXPECT_EQ(backend_->stream(1).Trailer("x-checksum"), "7");
}

TEST_F(FramesTest, AnEarlyAnswerThatStopsTheRequestIsNoError) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C"), "part", /*end=*/false);
  AwaitRequest(1);
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->SendTrailers(1, {{"grpc-status", "0"}});
  ASSERT_TRUE(Run([&] { return client_->stream(1).ended; }));
  backend_->Reset(1, NGHTTP2_NO_ERROR);
  ASSERT_TRUE(Run([&] { return client_->stream(1).closed; }));
  EXPECT_EQ(client_->stream(1).reset_code, NGHTTP2_NO_ERROR);
  EXPECT_EQ(client_->stream(1).Trailer("grpc-status"), "0");
}

TEST_F(FramesTest, ResetsPassBothWays) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  AwaitRequest(1);
  client_->Reset(1, NGHTTP2_CANCEL);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).reset_code == NGHTTP2_CANCEL; }));

  client_->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  AwaitRequest(3);
  backend_->Respond(3, GrpcResponse(), /*end=*/false);
  backend_->Reset(3, NGHTTP2_ENHANCE_YOUR_CALM);
  ASSERT_TRUE(Run([&] { return client_->stream(3).closed; }));
  EXPECT_EQ(client_->stream(3).reset_code, NGHTTP2_ENHANCE_YOUR_CALM);
  Settle(*proxy_);
  EXPECT_EQ(proxy_->stats(listener_.address()).in_flight(), 0u);
}

// Some clients cancel by the code 0, which is no order while the answer is unfinished.
TEST_F(FramesTest, AResetWithoutErrorCancelsAnUnfinishedAnswer) {
  Connect();
  client_->Request(GrpcRequest("/a.B/Watch"), "x");
  AwaitRequest(1);
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->Send(1, "some", /*end=*/false);
  ASSERT_TRUE(Run([&] { return client_->stream(1).data == "some"; }));
  client_->Reset(1, NGHTTP2_NO_ERROR);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).reset_code.has_value(); }));
  EXPECT_EQ(backend_->stream(1).reset_code, NGHTTP2_CANCEL);
  Settle(*proxy_);
  EXPECT_EQ(proxy_->stats(listener_.address()).in_flight(), 0u);
  EXPECT_EQ((*proxy_)->counters().streams_open, 0u);
}

TEST_F(FramesTest, AClientThatVanishesResetsItsCalls) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  client_->Request(GrpcRequest("/a.B/C"), "x", /*end=*/false);
  AwaitRequest(1);
  AwaitRequest(3);
  client_->Close(/*abort=*/true);
  ASSERT_TRUE(RunUntil({backend_.get()}, [&] {
    return backend_->stream(1).reset_code.has_value() && backend_->stream(3).reset_code.has_value();
  }));
  const auto witness = Settle(*proxy_);
  EXPECT_EQ(proxy_->stats(listener_.address()).in_flight(), 0u);
  EXPECT_EQ((*proxy_)->counters().client_connections, 1u) << "the witness alone";
}

TEST_F(FramesTest, LargeTrailersPassAndTooLargeOnesAreNamed) {
  Connect();
  const std::string large(15'000, 'd');
  client_->Request(GrpcRequest("/a.B/C"));
  AwaitRequest(1);
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->SendTrailers(1, {{"grpc-status", "9"}, {"details", large}});
  ASSERT_TRUE(Run([&] { return client_->stream(1).ended; }));
  EXPECT_EQ(client_->stream(1).Trailer("details"), large);

  client_->Request(GrpcRequest("/a.B/C"));
  AwaitRequest(3);
  backend_->Respond(3, GrpcResponse(), /*end=*/false);
  backend_->SendTrailers(3, {{"grpc-status", "9"}, {"details", std::string(20'000, 'd')}});
  ASSERT_TRUE(Run([&] { return client_->stream(3).ended; }));
  EXPECT_EQ(client_->stream(3).Trailer("grpc-status"), "13");
  EXPECT_NE(client_->stream(3).Trailer("grpc-message").find(listener_.address()),
            std::string::npos);
}

TEST_F(FramesTest, TooLargeRequestHeadersAreRefused) {
  Connect();
  client_->Request(GrpcRequest("/a.B/C", {{"x-large", std::string(20'000, 'h')}}));
  ASSERT_TRUE(RunUntil({client_.get()}, [&] { return client_->stream(1).ended; }));
  EXPECT_EQ(client_->stream(1).Header("grpc-status"), "8");
  EXPECT_EQ(client_->stream(1).Header("grpc-message"),
            "synod-balancer: the request's headers exceed 16384 bytes; the call was not executed: "
            "send less metadata");
  EXPECT_EQ((*proxy_)->counters().refusals_total, 1u);
}

// A reader that stops holds up to its own windows, and nobody else.
TEST_F(FramesTest, ASlowReaderSlowsItsOwnStreamOnly) {
  Connect({}, {.auto_window = false});
  constexpr size_t kBody = 10 << 20;
  client_->Request(GrpcRequest("/a.B/Slow"));
  AwaitRequest(1);
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->Send(1, std::string(kBody, 's'), /*end=*/true);
  // The client's own window (64 KiB), the proxy's (64 KiB), and no more than a frame or two.
  constexpr size_t kWindow = 65'535;
  ASSERT_TRUE(Run([&] { return client_->stream(1).data.size() == kWindow; }));
  for (int i = 0; i < 50; ++i) {
    client_->Step(1);
    backend_->Step(1);
  }
  EXPECT_GT(backend_->bytes_unsent(1), kBody - kWindow - (64 << 10) - 1);

  // The connection's window of the client is used up by now; it is the client's to open.
  client_->GrantConnection(1 << 20);
  client_->Request(GrpcRequest("/a.B/Quick"));
  AwaitRequest(3);
  backend_->Respond(3, GrpcResponse(), /*end=*/false);
  backend_->Send(3, "quick", /*end=*/true);
  ASSERT_TRUE(Run([&] { return client_->stream(3).ended; }));
  EXPECT_EQ(client_->stream(3).data, "quick");
  EXPECT_EQ(client_->stream(1).data.size(), kWindow);
}

TEST_F(FramesTest, ManySlowReadersDoNotStallTheBackendsConnection) {
  Connect({.connection_buffer_bytes = 256 << 10}, {.auto_window = false});
  // Sixteen streams hold 1 MiB, four times the connection's window.
  for (int i = 0; i < 16; ++i) client_->Request(GrpcRequest("/a.B/Slow"));
  AwaitRequest(31);
  for (int32_t id = 1; id <= 31; id += 2) {
    backend_->Respond(id, GrpcResponse(), /*end=*/false);
    backend_->Send(id, std::string(64 << 10, 's'), /*end=*/false);
  }
  ASSERT_TRUE(Run([&] {
    size_t unsent = 0;
    for (int32_t id = 1; id <= 31; id += 2) unsent += backend_->bytes_unsent(id);
    return unsent == 0;
  }));
  auto other = RawPeer::Connect(proxy_->port());
  other->Request(GrpcRequest("/a.B/Quick"));
  ASSERT_TRUE(
      RunUntil({other.get(), backend_.get()}, [&] { return backend_->stream(33).have_headers; }));
  backend_->Respond(33, GrpcResponse(), /*end=*/false);
  backend_->Send(33, "quick", /*end=*/true);
  ASSERT_TRUE(
      RunUntil({other.get(), backend_.get()}, [&] { return other->stream(1).data == "quick"; }));
}

TEST_F(FramesTest, AStalledCallDoesNotStallTheClientsOthers) {
  Connect({.connection_buffer_bytes = 64 << 10}, {}, {.auto_window = false});
  client_->Request(GrpcRequest("/a.B/Stalled"), std::string(1 << 20, 'r'));
  AwaitRequest(1);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).data.size() == 65'535; }));
  backend_->GrantConnection(1 << 20);
  client_->Request(GrpcRequest("/a.B/Quick"), "quick");
  AwaitRequest(3);
  ASSERT_TRUE(Run([&] { return backend_->stream(3).ended; }));
  EXPECT_EQ(backend_->stream(3).data, "quick");
}

TEST_F(FramesTest, WhatOneClientsCallsHoldTogetherIsBounded) {
  Connect({.connection_buffer_bytes = 64 << 10}, {}, {.auto_window = false});
  constexpr int kCalls = 100;
  for (int i = 0; i < kCalls; ++i) {
    client_->Request(GrpcRequest("/a.B/Stalled"), std::string(64 << 10, 'r'));
  }
  AwaitRequest(2 * kCalls - 1);
  const auto unsent = [&] {
    size_t sum = 0;
    for (int32_t id = 1; id < 2 * kCalls; id += 2) sum += client_->bytes_unsent(id);
    return sum;
  };
  // Four MiB early, one window more, and what the backend's connection takes.
  constexpr size_t kHeld = (4 << 20) + (64 << 10) + 65'535;
  constexpr size_t kSent = kCalls * (64 << 10);
  ASSERT_TRUE(Run([&] { return unsent() <= kSent - (4 << 20); }));
  for (int i = 0; i < 50; ++i) {
    client_->Step(1);
    backend_->Step(1);
  }
  EXPECT_GE(unsent(), kSent - kHeld);
}

TEST_F(FramesTest, ASlowBackendHoldsTheClientBack) {
  Connect({}, {}, {.auto_window = false});
  constexpr size_t kBody = 10 << 20;
  client_->Request(GrpcRequest("/a.B/C"), std::string(kBody, 'r'));
  AwaitRequest(1);
  ASSERT_TRUE(Run([&] { return backend_->stream(1).data.size() == 65'535; }));
  for (int i = 0; i < 50; ++i) {
    client_->Step(1);
    backend_->Step(1);
  }
  EXPECT_GT(client_->bytes_unsent(1), kBody - 65'535 - (64 << 10) - 1);
  // Once the backend reads, everything arrives.
  size_t consumed = 0;
  ASSERT_TRUE(Run([&] {
    const size_t size = backend_->stream(1).data.size();
    backend_->Consume(1, size - consumed);
    consumed = size;
    return backend_->stream(1).ended;
  }));
  EXPECT_EQ(backend_->stream(1).data.size(), kBody);
}

}  // namespace
}  // namespace synod::balancer
