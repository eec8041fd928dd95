// What the transport carries, and what it does when it cannot.
#include "services/rpc/peer_transport.h"

#include <gtest/gtest.h>

#include <memory>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "grpcpp/create_channel.h"
#include "services/rpc/peer_codec.h"
#include "synod/paxos/v1/peer.grpc.pb.h"
#include "tests/unit/rpc/peer_node.h"

namespace synod::rpc {
namespace {

using paxos::Message;

TEST(PeerTransportTest, CarriesMessagesBothWaysInOrder) {
  PeerNode a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  ASSERT_TRUE(b.AwaitLink(a.id(), absl::StatusCode::kOk));

  constexpr uint64_t kCount = 5'000;
  for (uint64_t i = 0; i < kCount; ++i) {
    a.transport().Send({Heartbeat(a.id(), b.id(), i)});
    b.transport().Send({Heartbeat(b.id(), a.id(), i)});
  }
  ASSERT_TRUE(b.AwaitReceived(kCount));
  ASSERT_TRUE(a.AwaitReceived(kCount));
  const std::vector<Message> at_a = a.received();
  const std::vector<Message> at_b = b.received();
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(RoundOf(at_a[i]), i);
    ASSERT_EQ(RoundOf(at_b[i]), i);
    ASSERT_EQ(at_b[i].from, a.id());
    ASSERT_EQ(at_b[i].to, b.id());
  }
}

TEST(PeerTransportTest, CarriesMessagesLargerThanGrpcsDefaultLimit) {
  PeerNode a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  a.transport().Send({Accept(a.id(), b.id(), 20 << 20)});
  ASSERT_TRUE(b.AwaitReceived(1));
  EXPECT_EQ(std::get<paxos::Accept>(b.received()[0].body).value.Commands()[0].payload.size(),
            20u << 20);
}

TEST(PeerTransportTest, DropsMessagesToUnknownPeers) {
  PeerNode a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  a.transport().Send({Heartbeat(a.id(), NodeId(3), 1), Heartbeat(a.id(), b.id(), 2)});
  ASSERT_TRUE(b.AwaitReceived(1));
  EXPECT_EQ(RoundOf(b.received()[0]), 2u);
}

TEST(PeerTransportTest, BoundsTheQueueOfASlowPeer) {
  constexpr size_t kQueue = 1 << 20;
  constexpr size_t kMessage = 64 << 10;
  PeerNode a(1, kCluster, "127.0.0.1:0", kQueue), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  b.Block(true);
  // 256 MiB, far more than the queue, an envelope and all buffers of the connection hold.
  constexpr size_t kCount = 4'096;
  for (size_t i = 0; i < kCount; ++i) a.transport().Send({Accept(a.id(), b.id(), kMessage)});
  b.Block(false);

  // What is sent now arrives behind what was kept.
  uint64_t last = 0;
  std::vector<Message> received = b.received();
  while (received.empty() || !std::holds_alternative<paxos::Heartbeat>(received.back().body)) {
    a.transport().Send({Heartbeat(a.id(), b.id(), ++last)});
    ASSERT_TRUE(b.AwaitReceived(received.size() + 1));
    received = b.received();
  }
  size_t kept = 0;
  for (const Message& message : received) {
    kept += std::holds_alternative<paxos::Accept>(message.body) ? 1 : 0;
  }
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, kCount / 2) << "nothing was dropped";
}

TEST(PeerTransportTest, EndsAStreamThatSpeaksNonsense) {
  PeerNode b(2);
  b.transport().SetPeers({{NodeId(1), "127.0.0.1:1"}}, 1);
  auto stub = paxos::v1::Peer::NewStub(
      grpc::CreateChannel(b.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  auto stream = stub->Exchange(&context);
  paxos::v1::Envelope hello;
  hello.mutable_hello()->set_cluster_id(kCluster.value());
  hello.mutable_hello()->set_from(1);
  hello.mutable_hello()->set_to(2);
  hello.mutable_hello()->set_protocol_version(kPeerProtocolVersion);
  ASSERT_TRUE(stream->Write(hello));
  paxos::v1::Welcome welcome;
  ASSERT_TRUE(stream->Read(&welcome));
  paxos::v1::Envelope bad;
  EncodeMessage(Heartbeat(NodeId(1), NodeId(2), 1), *bad.add_messages());
  bad.add_messages()->set_group(1);  // no body
  stream->Write(bad);
  EXPECT_FALSE(stream->Read(&welcome));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_TRUE(b.received().empty()) << "nothing of a bad envelope may get through";
}

TEST(PeerTransportTest, APortInUseIsAnErrorThatNamesTheAddress) {
  PeerNode a(1);
  PeerTransportOptions options;
  options.cluster = kCluster;
  options.self = NodeId(2);
  options.listen = a.address();
  const auto second = PeerTransport::Start(options, [](std::vector<Message>) {});
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(second.status().message(), a.address())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), "in use")) << second.status();
}

TEST(PeerTransportTest, StopsWhileMessagesAreOnTheirWay) {
  auto a = std::make_unique<PeerNode>(1);
  auto b = std::make_unique<PeerNode>(2);
  Introduce(*a, *b);
  ASSERT_TRUE(a->AwaitLink(b->id(), absl::StatusCode::kOk));
  for (int i = 0; i < 100; ++i) a->transport().Send({Accept(a->id(), b->id(), 100'000)});
  a.reset();
  b.reset();
}

}  // namespace
}  // namespace synod::rpc
