// Who may connect to whom, and how long a connection lives.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/unit/rpc/peer_node.h"

namespace synod::rpc {
namespace {

TEST(PeerLinkTest, ReachesARestartedPeerWithinASecondOrSo) {
  PeerNode a(1);
  auto b = std::make_unique<PeerNode>(2);
  const std::string address = b->address();
  Introduce(a, *b);
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kOk));

  b.reset();
  // Noticed although nothing is being sent.
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kUnavailable));
  a.transport().Send({Heartbeat(a.id(), NodeId(2), 1)});  // dropped

  b = std::make_unique<PeerNode>(2, kCluster, address);
  const absl::Time restarted = absl::Now();
  b->transport().SetPeers({{a.id(), a.address()}}, 1);
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kOk));
  EXPECT_LT(absl::Now() - restarted, absl::Seconds(3));  // 1 s, and slack for a loaded machine
  a.transport().Send({Heartbeat(a.id(), NodeId(2), 2)});
  ASSERT_TRUE(b->AwaitReceived(1));
  EXPECT_EQ(RoundOf(b->received()[0]), 2u);
}

TEST(PeerLinkTest, RefusesAnotherCluster) {
  PeerNode a(1), b(2, ClusterId(0xbad));
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  ASSERT_TRUE(b.AwaitLink(a.id(), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "cluster c1")) << a.link(b.id());
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "belongs to bad")) << a.link(b.id());
  a.transport().Send({Heartbeat(a.id(), b.id(), 1)});
  EXPECT_TRUE(b.received().empty());
}

TEST(PeerLinkTest, RefusesStrangersAndMisdirectedStreams) {
  PeerNode a(1), b(2), c(3);
  // c is no member for b; a takes b's address for node 9's.
  a.transport().SetPeers({{NodeId(9), b.address()}}, 1);
  b.transport().SetPeers({{a.id(), a.address()}}, 1);
  c.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(c.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(c.link(b.id()).message(), "node 3 is no member"));
  ASSERT_TRUE(a.AwaitLink(NodeId(9), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(a.link(NodeId(9)).message(), "meant for node 9"));
}

TEST(PeerLinkTest, EndsTheStreamsOfRemovedMembers) {
  PeerNode a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  b.transport().SetPeers({}, 2);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kNotFound));
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "node 1 has been removed"));
}

// Who is behind cannot know whether a stranger has been removed or is yet to come.
TEST(PeerLinkTest, TellsAMemberItDoesNotKnowYetToComeAgain) {
  PeerNode a(1), b(2);
  b.transport().SetPeers({}, 1);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  b.transport().SetPeers({{a.id(), a.address()}}, 2);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
}

TEST(PeerLinkTest, IntroducesItselfToThosePeersItConnectsTo) {
  PeerNode a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  EXPECT_EQ(b.introduction(a.id()).name, "n1");
  EXPECT_EQ(b.introduction(a.id()).client_urls, std::vector<std::string>{"http://n1:2379"});
}

// The last connection of a process takes a thread of gRPC's with it, which it must not be on.
TEST(PeerLinkTest, EndsAsTheLastConnectionOfAProcess) {
  for (int round = 0; round < 200; ++round) {
    PeerNode a(1);
    a.transport().SetPeers({{NodeId(2), a.address()}}, 1);
  }
}

}  // namespace
}  // namespace synod::rpc
