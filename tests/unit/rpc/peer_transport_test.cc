#include "services/rpc/peer_transport.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "services/rpc/peer_calls.h"
#include "services/rpc/peer_codec.h"
#include "services/rpc/snapshot_call.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {
namespace {

using paxos::Message;

constexpr absl::Duration kPatience = absl::Seconds(20);
const ClusterId kCluster(0xc1);

Message Heartbeat(NodeId from, NodeId to, uint64_t round) {
  return {GroupId(1), from, to, paxos::Heartbeat{{1, from}, Slot(), round, Slot()}};
}

Message Accept(NodeId from, NodeId to, size_t bytes) {
  return {GroupId(1), from, to,
          paxos::Accept{{1, from},
                        Slot(1),
                        paxos::Value::OfCommands({{{from, 1}, std::string(bytes, 'v')}}),
                        Slot()}};
}

// A snapshot, an empty file in the middle; reads give half a file at most.
class ThreeFiles final : public SnapshotSource {
 public:
  std::string descriptor() const override { return "three files"; }
  uint32_t files() const override { return 3; }
  uint64_t FileBytes(uint32_t file) const override { return Contents()[file].size(); }
  absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const override {
    return Contents()[file].substr(offset, 3);
  }
  static std::vector<std::string> Contents() { return {"abcdef", "", "ghij"}; }
};

// A transport and all that happened to it.
class Node {
 public:
  explicit Node(uint64_t id, ClusterId cluster = kCluster, std::string listen = "127.0.0.1:0",
                size_t max_queue_bytes = 64 << 20)
      : id_(id) {
    PeerTransportOptions options;
    options.cluster = cluster;
    options.self = id_;
    options.listen = std::move(listen);
    options.max_queue_bytes = max_queue_bytes;
    options.introduction = {absl::StrCat("n", id), {absl::StrCat("http://n", id, ":2379")}};
    options.configuration_version = [] { return 1; };
    options.peer_introduced = [this](NodeId peer, PeerIntroduction introduction) {
      absl::MutexLock lock(&mutex_);
      introductions_[peer] = std::move(introduction);
    };
    options.join = [](const std::vector<std::string>& peer_urls) -> absl::StatusOr<JoinAnswer> {
      if (peer_urls == std::vector<std::string>{"http://known:1"}) {
        return JoinAnswer{kCluster, NodeId(77), 5, {{NodeId(8), "n8", {"http://a:1"}, {}, false}}};
      }
      return absl::NotFoundError("nobody");
    };
    options.open_snapshot =
        [](Slot at_least,
           uint64_t snapshot) -> absl::StatusOr<std::shared_ptr<const SnapshotSource>> {
      if (snapshot != 0 && snapshot != 5) return absl::NotFoundError("gone");
      EXPECT_EQ(at_least, Slot(3));
      return std::make_shared<const ThreeFiles>();
    };
    options.change_members = [this](MemberChange change, absl::Duration timeout, MembersDone done) {
      absl::MutexLock lock(&mutex_);
      if (!leads_) return false;
      change_timeout_ = timeout;
      MemberOutcome outcome;
      outcome.added = NodeId(9);
      outcome.members = {{NodeId(9), "n9", std::get<AddMember>(change).peer_urls, {}, true}};
      done(outcome);
      return true;
    };
    options.link_changed = [this](NodeId peer, const absl::Status& status) {
      absl::MutexLock lock(&mutex_);
      links_[peer] = status;
    };
    auto transport = PeerTransport::Start(options, [this](std::vector<Message> messages) {
      absl::MutexLock lock(&mutex_);
      const auto released = [this] { return !blocked_; };
      mutex_.Await(absl::Condition(&released));
      for (Message& message : messages) received_.push_back(std::move(message));
    });
    EXPECT_TRUE(transport.ok()) << transport.status();
    transport_ = *std::move(transport);
  }

  ~Node() { Block(false); }

  NodeId id() const { return id_; }
  PeerTransport& transport() { return *transport_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", transport_->port()); }

  // While blocked the receiver does not return, which no production receiver may do.
  void Block(bool blocked) {
    absl::MutexLock lock(&mutex_);
    blocked_ = blocked;
  }

  bool AwaitLink(NodeId peer, absl::StatusCode code) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] {
      const auto found = links_.find(peer);
      return found != links_.end() && found->second.code() == code;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  }

  bool AwaitReceived(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] { return received_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  }

  void Lead() {
    absl::MutexLock lock(&mutex_);
    leads_ = true;
  }
  absl::Duration change_timeout() {
    absl::MutexLock lock(&mutex_);
    return change_timeout_;
  }
  PeerIntroduction introduction(NodeId peer) {
    absl::MutexLock lock(&mutex_);
    return introductions_[peer];
  }
  absl::Status link(NodeId peer) {
    absl::MutexLock lock(&mutex_);
    return links_[peer];
  }
  std::vector<Message> received() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }

 private:
  const NodeId id_;
  absl::Mutex mutex_;
  std::map<NodeId, absl::Status> links_;
  std::vector<Message> received_;
  std::map<NodeId, PeerIntroduction> introductions_;
  bool blocked_ = false;
  bool leads_ = false;
  absl::Duration change_timeout_;
  std::unique_ptr<PeerTransport> transport_;  // last: its callbacks use the others
};

void Introduce(Node& a, Node& b) {
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  b.transport().SetPeers({{a.id(), a.address()}}, 1);
}

uint64_t Round(const Message& message) {
  return std::get<paxos::Heartbeat>(message.body).read_round;
}

TEST(PeerTransportTest, CarriesMessagesBothWaysInOrder) {
  Node a(1), b(2);
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
    ASSERT_EQ(Round(at_a[i]), i);
    ASSERT_EQ(Round(at_b[i]), i);
    ASSERT_EQ(at_b[i].from, a.id());
    ASSERT_EQ(at_b[i].to, b.id());
  }
}

TEST(PeerTransportTest, CarriesMessagesLargerThanGrpcsDefaultLimit) {
  Node a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  a.transport().Send({Accept(a.id(), b.id(), 20 << 20)});
  ASSERT_TRUE(b.AwaitReceived(1));
  EXPECT_EQ(std::get<paxos::Accept>(b.received()[0].body).value.Commands()[0].payload.size(),
            20u << 20);
}

TEST(PeerTransportTest, DropsMessagesToUnknownPeers) {
  Node a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  a.transport().Send({Heartbeat(a.id(), NodeId(3), 1), Heartbeat(a.id(), b.id(), 2)});
  ASSERT_TRUE(b.AwaitReceived(1));
  EXPECT_EQ(Round(b.received()[0]), 2u);
}

TEST(PeerTransportTest, ReachesARestartedPeerWithinASecondOrSo) {
  Node a(1);
  auto b = std::make_unique<Node>(2);
  const std::string address = b->address();
  Introduce(a, *b);
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kOk));

  b.reset();
  // Noticed although nothing is being sent.
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kUnavailable));
  a.transport().Send({Heartbeat(a.id(), NodeId(2), 1)});  // dropped

  b = std::make_unique<Node>(2, kCluster, address);
  const absl::Time restarted = absl::Now();
  b->transport().SetPeers({{a.id(), a.address()}}, 1);
  ASSERT_TRUE(a.AwaitLink(NodeId(2), absl::StatusCode::kOk));
  EXPECT_LT(absl::Now() - restarted, absl::Seconds(3));  // 1 s, and slack for a loaded machine
  a.transport().Send({Heartbeat(a.id(), NodeId(2), 2)});
  ASSERT_TRUE(b->AwaitReceived(1));
  EXPECT_EQ(Round(b->received()[0]), 2u);
}

TEST(PeerTransportTest, RefusesAnotherCluster) {
  Node a(1), b(2, ClusterId(0xbad));
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  ASSERT_TRUE(b.AwaitLink(a.id(), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "cluster c1")) << a.link(b.id());
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "belongs to bad")) << a.link(b.id());
  a.transport().Send({Heartbeat(a.id(), b.id(), 1)});
  EXPECT_TRUE(b.received().empty());
}

TEST(PeerTransportTest, RefusesStrangersAndMisdirectedStreams) {
  Node a(1), b(2), c(3);
  // c is no member for b; a takes b's address for node 9's.
  a.transport().SetPeers({{NodeId(9), b.address()}}, 1);
  b.transport().SetPeers({{a.id(), a.address()}}, 1);
  c.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(c.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(c.link(b.id()).message(), "node 3 is no member"));
  ASSERT_TRUE(a.AwaitLink(NodeId(9), absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(absl::StrContains(a.link(NodeId(9)).message(), "meant for node 9"));
}

TEST(PeerTransportTest, EndsTheStreamsOfRemovedMembers) {
  Node a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  b.transport().SetPeers({}, 2);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kPermissionDenied));
  EXPECT_TRUE(absl::StrContains(a.link(b.id()).message(), "node 1 has been removed"));
}

// Who is behind cannot know whether a stranger has been removed or is yet to come.
TEST(PeerTransportTest, TellsAMemberItDoesNotKnowYetToComeAgain) {
  Node a(1), b(2);
  b.transport().SetPeers({}, 1);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kFailedPrecondition));
  b.transport().SetPeers({{a.id(), a.address()}}, 2);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
}

TEST(PeerTransportTest, IntroducesItselfToThosePeersItConnectsTo) {
  Node a(1), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  EXPECT_EQ(b.introduction(a.id()).name, "n1");
  EXPECT_EQ(b.introduction(a.id()).client_urls, std::vector<std::string>{"http://n1:2379"});
}

TEST(PeerTransportTest, AnswersWhoAJoiningNodeIs) {
  Node a(1);
  const auto known = AskWhoIAm(a.address(), {"http://known:1"}, kPatience);
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->cluster, kCluster);
  EXPECT_EQ(known->member, NodeId(77));
  EXPECT_EQ(known->configuration_version, 5u);
  ASSERT_EQ(known->members.size(), 1u);
  EXPECT_EQ(known->members[0].peer_urls, std::vector<std::string>{"http://a:1"});
  EXPECT_TRUE(absl::IsNotFound(AskWhoIAm(a.address(), {"http://other:1"}, kPatience).status()));
}

TEST(PeerTransportTest, SendsASnapshotFromAnyPlaceToMembersOnly) {
  Node a(1), b(2);
  const auto fetch = [&](SnapshotPlace from, NodeId self, std::string& files) {
    SnapshotCall call;
    bool begun = false;
    return call.Run({a.address(), kCluster, self, Slot(3), from},
                    {[&](absl::string_view descriptor) {
                       EXPECT_EQ(descriptor, "three files");
                       EXPECT_FALSE(std::exchange(begun, true));
                       return absl::OkStatus();
                     },
                     [&](uint32_t file, uint64_t offset, absl::string_view data) {
                       EXPECT_TRUE(begun);
                       EXPECT_EQ(ThreeFiles::Contents()[file].substr(offset, data.size()), data);
                       absl::StrAppend(&files, data);
                       return absl::OkStatus();
                     }});
  };
  std::string files;
  EXPECT_TRUE(absl::IsFailedPrecondition(fetch({}, b.id(), files))) << "no member";
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  ASSERT_TRUE(fetch({}, b.id(), files).ok());
  EXPECT_EQ(files, "abcdefghij");
  files.clear();
  ASSERT_TRUE(fetch({5, 0, 4}, b.id(), files).ok());
  EXPECT_EQ(files, "efghij");
  files.clear();
  ASSERT_TRUE(fetch({5, 2, 4}, b.id(), files).ok());
  EXPECT_EQ(files, "") << "everything had come";
  EXPECT_TRUE(absl::IsNotFound(fetch({6, 0, 0}, b.id(), files)));
  EXPECT_TRUE(absl::IsOutOfRange(fetch({5, 0, 7}, b.id(), files)));
}

TEST(PeerTransportTest, ASinkThatRefusesEndsTheSnapshot) {
  Node a(1), b(2);
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  SnapshotCall call;
  const absl::Status status = call.Run({a.address(), kCluster, b.id(), Slot(3), {}},
                                       {[](absl::string_view) { return absl::OkStatus(); },
                                        [](uint32_t, uint64_t, absl::string_view) {
                                          return absl::ResourceExhaustedError("the disk is full");
                                        }});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST(PeerTransportTest, TakesChangesOfTheMembersOnlyWhileItLeads) {
  Node a(1);
  const MemberChange change = AddMember{{"http://new:1"}, false};
  EXPECT_TRUE(
      absl::IsFailedPrecondition(AskForChange(a.address(), kCluster, change, kPatience).status()));
  a.Lead();
  const auto outcome = AskForChange(a.address(), kCluster, change, kPatience);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->added, NodeId(9));
  ASSERT_EQ(outcome->members.size(), 1u);
  EXPECT_EQ(outcome->members[0].peer_urls, std::vector<std::string>{"http://new:1"});
  EXPECT_TRUE(outcome->members[0].learner);
  EXPECT_EQ(a.change_timeout(), kPatience);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      AskForChange(a.address(), ClusterId(0xbad), change, kPatience).status()))
      << "a change meant for another cluster";
}

TEST(PeerTransportTest, BoundsTheQueueOfASlowPeer) {
  constexpr size_t kQueue = 1 << 20;
  constexpr size_t kMessage = 64 << 10;
  Node a(1, kCluster, "127.0.0.1:0", kQueue), b(2);
  Introduce(a, b);
  ASSERT_TRUE(a.AwaitLink(b.id(), absl::StatusCode::kOk));
  b.Block(true);
  // 256 MiB, far more than the queue, an envelope and all buffers of the connection hold.
  constexpr size_t kCount = 4'096;
  for (size_t i = 0; i < kCount; ++i) a.transport().Send({Accept(a.id(), b.id(), kMessage)});
  b.Block(false);

  // What is sent now arrives behind what was kept.
  uint64_t last = 0;
  while (b.received().empty() ||
         !std::holds_alternative<paxos::Heartbeat>(b.received().back().body)) {
    a.transport().Send({Heartbeat(a.id(), b.id(), ++last)});
    ASSERT_TRUE(b.AwaitReceived(b.received().size() + 1));
  }
  size_t kept = 0;
  for (const Message& message : b.received()) {
    kept += std::holds_alternative<paxos::Accept>(message.body) ? 1 : 0;
  }
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, kCount / 2) << "nothing was dropped";
}

TEST(PeerTransportTest, EndsAStreamThatSpeaksNonsense) {
  Node b(2);
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
  Node a(1);
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
  auto a = std::make_unique<Node>(1);
  auto b = std::make_unique<Node>(2);
  Introduce(*a, *b);
  ASSERT_TRUE(a->AwaitLink(b->id(), absl::StatusCode::kOk));
  for (int i = 0; i < 100; ++i) a->transport().Send({Accept(a->id(), b->id(), 100'000)});
  a.reset();
  b.reset();
}

}  // namespace
}  // namespace synod::rpc
