#include "tests/unit/rpc/peer_node.h"

#include <gtest/gtest.h>

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace synod::rpc {

using paxos::Message;

namespace {

// Reads give half a file at most.
class Snapshot final : public SnapshotSource {
 public:
  std::string descriptor() const override { return "three files"; }
  uint32_t files() const override { return static_cast<uint32_t>(kSnapshotFiles.size()); }
  uint64_t FileBytes(uint32_t file) const override { return kSnapshotFiles[file].size(); }
  absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const override {
    return kSnapshotFiles[file].substr(offset, 3);
  }
};

}  // namespace

Message Heartbeat(NodeId from, NodeId to, uint64_t round) {
  return {GroupId(1), from, to, paxos::Heartbeat{{1, from}, Slot(), round, Slot()}};
}

uint64_t RoundOf(const Message& heartbeat) {
  return std::get<paxos::Heartbeat>(heartbeat.body).read_round;
}

Message Accept(NodeId from, NodeId to, size_t bytes) {
  return {GroupId(1), from, to,
          paxos::Accept{{1, from},
                        Slot(1),
                        paxos::Value::OfCommands({{{from, 1}, std::string(bytes, 'v')}}),
                        Slot()}};
}

PeerNode::PeerNode(uint64_t id, ClusterId cluster, std::string listen, size_t max_queue_bytes)
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
    return std::make_shared<const Snapshot>();
  };
  options.hash_store = [this](kv::Revision revision,
                              kv::GiveUp give_up) -> absl::StatusOr<kv::HashResponse> {
    if (revision > kHashed.revision) {
      hashing_.Notify();
      const Event never;
      while (!give_up()) never.WaitWithTimeout(absl::Milliseconds(1));
      hash_given_up_.Notify();
      return absl::CancelledError("given up");
    }
    if (revision < kHashed.revision) return absl::OutOfRangeError("compacted");
    return kHashed;
  };
  options.change_members = [this](MemberChange change, absl::Duration timeout, MembersDone done) {
    absl::MutexLock lock(&mutex_);
    if (!leads_) return false;
    change_timeout_ = timeout;
    if (holds_changes_) {
      held_changes_.push_back(std::move(done));
      return true;
    }
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

PeerNode::~PeerNode() {
  Block(false);
  std::vector<MembersDone> held;
  {
    absl::MutexLock lock(&mutex_);
    holds_changes_ = false;
    held.swap(held_changes_);
  }
  for (const MembersDone& done : held) done({});
}

void Introduce(PeerNode& a, PeerNode& b) {
  a.transport().SetPeers({{b.id(), b.address()}}, 1);
  b.transport().SetPeers({{a.id(), a.address()}}, 1);
}

}  // namespace synod::rpc
