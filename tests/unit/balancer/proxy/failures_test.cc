// What becomes of a call when a backend refuses, says GOAWAY, dies, hangs or never answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/balancer/proxy/proxy_fixture.h"

namespace synod::balancer {
namespace {

using test::RawListener;
using test::RawPeer;
using test::RunUntil;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr bool kCluster = false;  // for `generic`: the methods of etcd's API are known
const char kRead[] = "/etcdserverpb.KV/Range";
const char kWrite[] = "/etcdserverpb.KV/Put";

ProxyOptions OneConnection() {
  ProxyOptions options;
  options.connections_per_backend = 1;
  return options;
}

// Answers every request that comes to `backend` with `body`.
void AnswerAll(RawPeer& backend, const std::string& body) {
  for (const auto& [id, stream] : backend.streams()) {
    if (!stream.ended || backend.answered.contains(id) || stream.closed) continue;
    backend.answered.insert(id);
    backend.Respond(id, GrpcResponse(), /*end=*/false);
    backend.Send(id, body, /*end=*/false);
    backend.SendTrailers(id, {{"grpc-status", "0"}});
  }
}

// Two backends, of which the policy picks either for the first attempt.
class FailuresTest : public ::testing::Test {
 protected:
  // Starts a call and accepts its connection at whichever backend it goes to.
  void StartCall(const char* path, bool generic, ProxyOptions options = OneConnection()) {
    proxy_ = std::make_unique<TestProxy>(std::vector{first_.address(), second_.address()},
                                         std::move(options), generic);
    client_ = RawPeer::Connect(proxy_->port());
    client_->Request(GrpcRequest(path), "the request");
    client_->Step(0);
    backend_ = first_.Accept({}, absl::Milliseconds(300));
    other_listener_ = &second_;
    hit_ = &first_;
    if (backend_ == nullptr) {
      backend_ = second_.Accept();
      other_listener_ = &first_;
      hit_ = &second_;
    }
    ASSERT_NE(backend_, nullptr);
    ASSERT_TRUE(RunUntil({client_.get(), backend_.get()},
                         [&] { return backend_->stream(1).data == "the request"; }));
  }

  // The call arrives at the other backend, whole, and is answered there.
  void ExpectReplay() {
    std::unique_ptr<RawPeer> other;
    for (int i = 0; i < 100 && other == nullptr; ++i) {
      client_->Step(1);
      backend_->Step(1);
      other = other_listener_->Accept({}, absl::Milliseconds(20));
    }
    ASSERT_NE(other, nullptr);
    ASSERT_TRUE(RunUntil({client_.get(), backend_.get(), other.get()}, [&] {
      AnswerAll(*other, "answer");
      return client_->stream(1).ended;
    }));
    EXPECT_EQ(other->stream(1).data, "the request");
    EXPECT_EQ(client_->stream(1).data, "answer");
    EXPECT_EQ(client_->stream(1).Trailer("grpc-status"), "0");
  }

  void ExpectUnavailable(const std::string& text) {
    ASSERT_TRUE(
        RunUntil({client_.get(), backend_.get()}, [&] { return client_->stream(1).ended; }));
    const bool trailers_only = client_->stream(1).trailers.empty();
    const auto& stream = client_->stream(1);
    EXPECT_EQ(trailers_only ? stream.Header("grpc-status") : stream.Trailer("grpc-status"), "14");
    const std::string message =
        trailers_only ? stream.Header("grpc-message") : stream.Trailer("grpc-message");
    EXPECT_THAT(message, StartsWith("synod-balancer: "));
    EXPECT_THAT(message, HasSubstr(text));
    EXPECT_THAT(message, HasSubstr(hit_->address()));
  }

  BackendStats& hit_stats() { return proxy_->stats(hit_->address()); }

  RawListener first_;
  RawListener second_;
  RawListener* hit_ = nullptr;
  RawListener* other_listener_ = nullptr;
  std::unique_ptr<TestProxy> proxy_;
  std::unique_ptr<RawPeer> client_;
  std::unique_ptr<RawPeer> backend_;
};

TEST_F(FailuresTest, RefusedStreamIsReplayedEvenAWrite) {
  StartCall(kWrite, kCluster);
  backend_->Reset(1, NGHTTP2_REFUSED_STREAM);
  ExpectReplay();
  EXPECT_EQ((*proxy_)->counters().replays_total, 1u);
  EXPECT_EQ(hit_stats().failures_total.load(), 0u);
}

TEST_F(FailuresTest, StreamsAboveGoawaysIdAreReplayed) {
  StartCall(kWrite, kCluster);
  backend_->Goaway(0, NGHTTP2_NO_ERROR);
  ExpectReplay();
  EXPECT_EQ((*proxy_)->counters().replays_total, 1u);
}

TEST_F(FailuresTest, StreamsBelowGoawaysIdFinish) {
  StartCall(kWrite, kCluster);
  backend_->Goaway(1, NGHTTP2_NO_ERROR);
  ASSERT_TRUE(RunUntil({client_.get(), backend_.get()}, [&] {
    AnswerAll(*backend_, "late answer");
    return client_->stream(1).ended;
  }));
  EXPECT_EQ(client_->stream(1).data, "late answer");
  EXPECT_EQ((*proxy_)->counters().replays_total, 0u);
  // The proxy closes the connection after the last stream.
  EXPECT_TRUE(RunUntil({backend_.get()}, [&] { return backend_->closed(); }));
}

TEST_F(FailuresTest, AWriteThatMayHaveRunIsNeverReplayed) {
  StartCall(kWrite, kCluster);
  backend_->Close(/*abort=*/true);
  ExpectUnavailable("may or may not have been executed: read back before writing again");
  EXPECT_EQ(other_listener_->Accept({}, absl::Milliseconds(50)), nullptr);
  EXPECT_EQ(hit_stats().consecutive_failures.load(), 1u);
}

TEST_F(FailuresTest, AReadThatMayHaveRunIsReplayed) {
  StartCall(kRead, kCluster);
  backend_->Close(/*abort=*/true);
  ExpectReplay();
  EXPECT_EQ((*proxy_)->counters().retries_total, 1u);
  EXPECT_EQ(hit_stats().consecutive_failures.load(), 1u);
}

TEST_F(FailuresTest, GenericModeKnowsNoMethodThatMayBeReplayed) {
  StartCall(kRead, /*generic=*/true);
  backend_->Close(/*abort=*/true);
  ExpectUnavailable("lost");
}

TEST_F(FailuresTest, AfterResponseHeadersTheCallIsCommitted) {
  StartCall(kRead, kCluster);
  backend_->Respond(1, GrpcResponse(), /*end=*/false);
  backend_->Send(1, "some", /*end=*/false);
  ASSERT_TRUE(
      RunUntil({client_.get(), backend_.get()}, [&] { return client_->stream(1).data == "some"; }));
  backend_->Close(/*abort=*/true);
  ExpectUnavailable("was executed, at least in part: call again");
  EXPECT_THAT(client_->stream(1).Trailer("grpc-message"), HasSubstr("lost"));
  EXPECT_EQ(client_->stream(1).data, "some");
  Settle(*proxy_);
  EXPECT_EQ(hit_stats().in_flight(), 0u);
}

TEST_F(FailuresTest, ARequestLargerThanTheReplayBufferIsNotReplayed) {
  ProxyOptions options = OneConnection();
  options.replay_buffer_bytes = 8;
  StartCall(kWrite, kCluster, options);
  backend_->Reset(1, NGHTTP2_REFUSED_STREAM);
  ExpectUnavailable("was not executed: call again");
}

TEST_F(FailuresTest, ASilentBackendIsFoundByPing) {
  ProxyOptions options = OneConnection();
  options.backend_ping_interval = absl::Milliseconds(100);
  options.backend_ping_timeout = absl::Milliseconds(100);
  StartCall(kWrite, kCluster, options);
  backend_->answer_pings = false;
  ExpectUnavailable("PING");
  EXPECT_GE(backend_->pings(), 1);
}

TEST_F(FailuresTest, AnAnsweredPingKeepsASilentCallAlive) {
  ProxyOptions options = OneConnection();
  options.backend_ping_interval = absl::Milliseconds(20);
  options.backend_ping_timeout = absl::Milliseconds(500);
  StartCall(kWrite, kCluster, options);
  ASSERT_TRUE(RunUntil({client_.get(), backend_.get()}, [&] { return backend_->pings() >= 3; }));
  EXPECT_FALSE(client_->stream(1).ended);
}

TEST(ConnectFailureTest, AReplayNeverGoesToTheConnectionThatIsDying) {
  RawListener only;
  TestProxy proxy({only.address()}, OneConnection(), kCluster);
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest(kRead), "the request");
  client->Step(0);
  auto backend = only.Accept();
  ASSERT_TRUE(RunUntil({client.get(), backend.get()}, [&] { return backend->stream(1).ended; }));
  backend->Close(/*abort=*/true);
  auto again = only.Accept();
  ASSERT_NE(again, nullptr);
  ASSERT_TRUE(RunUntil({client.get(), again.get()}, [&] {
    AnswerAll(*again, "answer");
    return client->stream(1).ended;
  }));
  EXPECT_EQ(client->stream(1).data, "answer");
}

TEST(ConnectFailureTest, ABackendThatRefusesConnectionsCostsNoCall) {
  uint16_t dead_port = 0;
  {
    RawListener closed;
    dead_port = closed.port();
  }
  RawListener live;
  const std::string dead = absl::StrCat("127.0.0.1:", dead_port);
  TestProxy proxy({dead, live.address()}, OneConnection());
  auto client = RawPeer::Connect(proxy.port());
  for (int i = 0; i < 4; ++i) client->Request(GrpcRequest("/a.B/C"), "x");
  client->Step(0);
  auto backend = live.Accept();
  ASSERT_NE(backend, nullptr);
  ASSERT_TRUE(RunUntil({client.get(), backend.get()}, [&] {
    AnswerAll(*backend, "ok");
    return client->stream(7).ended && client->stream(1).ended;
  }));
  for (int id = 1; id <= 7; id += 2) EXPECT_EQ(client->stream(id).data, "ok");
  EXPECT_GE(proxy.stats(dead).consecutive_failures.load(), 1u);
  EXPECT_EQ(proxy.stats(live.address()).consecutive_failures.load(), 0u);
}

TEST(ConnectFailureTest, WithoutAnyBackendTheErrorSaysWhichAndWhy) {
  uint16_t dead_port = 0;
  {
    RawListener closed;
    dead_port = closed.port();
  }
  const std::string dead = absl::StrCat("127.0.0.1:", dead_port);
  TestProxy proxy({dead}, OneConnection());
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest("/a.B/C"), "x");
  client->Request({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  ASSERT_TRUE(
      RunUntil({client.get()}, [&] { return client->stream(1).ended && client->stream(3).ended; }));
  EXPECT_EQ(client->stream(1).Header(":status"), "200");
  EXPECT_EQ(client->stream(1).Header("content-type"), "application/grpc");
  EXPECT_EQ(client->stream(1).Header("grpc-status"), "14");
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr(dead));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr("refused"));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr("was not executed: call again"));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), StartsWith("synod-balancer: cannot reach"));
  EXPECT_EQ(client->stream(3).Header(":status"), "503");
  EXPECT_THAT(client->stream(3).data, HasSubstr(dead));
}

TEST(ConnectFailureTest, WithoutBackendsToNameTheErrorSaysSo) {
  TestProxy proxy({});
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest("/a.B/C"), "x");
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->stream(1).ended; }));
  const std::string message = client->stream(1).Header("grpc-message");
  EXPECT_THAT(message, StartsWith("synod-balancer: no backend can take /a.B/C: none is known"));
  EXPECT_THAT(message, HasSubstr("was not executed: call again"));
}

TEST(ConnectFailureTest, ABackendThatNeverSpeaksHttp2TimesOut) {
  RawListener silent;
  ProxyOptions options = OneConnection();
  options.connect_timeout = absl::Milliseconds(100);
  TestProxy proxy({silent.address()}, options);
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest("/a.B/C"), "x");
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->stream(1).ended; }));
  EXPECT_EQ(client->stream(1).Header("grpc-status"), "14");
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr("SETTINGS"));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr("was not executed: call again"));
}

TEST(ConnectFailureTest, ADeadlineThatPassedMeanwhileSaysSo) {
  RawListener slow;
  TestProxy proxy({slow.address()}, OneConnection());
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest("/a.B/C", {{"grpc-timeout", "1n"}}), "x");
  client->Step(0);
  Settle(proxy);
  ASSERT_EQ(proxy->counters().calls_total, 1u);
  auto backend = slow.Accept();
  ASSERT_TRUE(RunUntil({client.get(), backend.get()}, [&] { return client->stream(1).ended; }));
  EXPECT_EQ(client->stream(1).Header("grpc-status"), "4");
  EXPECT_THAT(client->stream(1).Header("grpc-message"), StartsWith("synod-balancer: the call's"));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr(slow.address()));
  EXPECT_THAT(client->stream(1).Header("grpc-message"), HasSubstr("was not executed: call again"));
}

TEST(ConnectFailureTest, TheDeadlineIsWhatRemainsAfterWaiting) {
  RawListener slow;
  TestProxy proxy({slow.address()}, OneConnection());
  auto client = RawPeer::Connect(proxy.port());
  client->Request(GrpcRequest("/a.B/C", {{"grpc-timeout", "1H"}}), "x");
  client->Step(0);
  Settle(proxy);
  ASSERT_EQ(proxy->counters().calls_total, 1u);
  auto backend = slow.Accept();
  ASSERT_TRUE(
      RunUntil({client.get(), backend.get()}, [&] { return backend->stream(1).have_headers; }));
  // Microseconds of an hour take ten digits; milliseconds fit.
  EXPECT_THAT(backend->stream(1).Header("grpc-timeout"), ::testing::MatchesRegex("3[56].....m"));
}

TEST(StreamLimitTest, MoreConnectionsWhenStreamsRunOutAndThenARefusal) {
  RawListener listener;
  ProxyOptions options = OneConnection();
  options.max_connections_per_backend = 3;
  TestProxy proxy({listener.address()}, options);
  auto client = RawPeer::Connect(proxy.port());
  for (int i = 0; i < 7; ++i) client->Request(GrpcRequest("/a.B/C"), "x");
  client->Step(0);
  std::vector<std::unique_ptr<RawPeer>> backends;
  const test::RawOptions two{.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}}};
  const auto requests = [&] {
    size_t sum = 0;
    for (auto& backend : backends) sum += backend->streams().size();
    return sum;
  };
  for (int i = 0; i < 3; ++i) {
    backends.push_back(listener.Accept(two));
    ASSERT_NE(backends.back(), nullptr);
    std::vector<RawPeer*> peers = {client.get()};
    for (auto& backend : backends) peers.push_back(backend.get());
    ASSERT_TRUE(RunUntil(peers, [&] { return requests() == 2 * backends.size(); }));
  }
  // Six are served, the seventh is told at once, by name, that there is no room.
  ASSERT_TRUE(RunUntil({client.get()}, [&] { return client->stream(13).ended; }));
  EXPECT_EQ(client->stream(13).Header("grpc-status"), "14");
  EXPECT_THAT(client->stream(13).Header("grpc-message"), HasSubstr("MAX_CONCURRENT_STREAMS"));
  for (auto& backend : backends) EXPECT_EQ(backend->streams().size(), 2u);
  // A place that becomes free is used again.
  ASSERT_TRUE(RunUntil({client.get(), backends[0].get()}, [&] {
    AnswerAll(*backends[0], "ok");
    return proxy->counters().streams_open == 4;
  }));
  client->Request(GrpcRequest("/a.B/C"), "x");
  ASSERT_TRUE(RunUntil({client.get(), backends[0].get()},
                       [&] { return backends[0]->streams().size() == 3; }));
}

}  // namespace
}  // namespace synod::balancer
