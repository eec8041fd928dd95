// The replica thread around the real core, its time stopped: what it drops and refuses under
// overload, and whom a change of leader fails.
#include "services/node/replica_thread.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tests/unit/node/manual_clock.h"

namespace synod::node {
namespace {

constexpr GroupId kGroup(1);
constexpr NodeId kSelf(1);
constexpr size_t kRefuseAbove = 100;
constexpr size_t kDropAbove = 1000;

// Follower 1 of three voters; 2 and 3 are played by the test.
class Follower {
 public:
  Follower() : thread_(MakeOptions(), MakeReplicaOptions(), Recovered(), MakeShared(), Outlets()) {}
  ~Follower() {
    LetGo();
    inbox_.Close();
  }

  void SetBacklog(size_t bytes) {
    absl::MutexLock lock(&mutex_);
    backlog_ = bytes;
  }

  // The thread waits as soon as it has taken something, until let go.
  void Hold() {
    absl::MutexLock lock(&mutex_);
    held_ = true;
  }
  void AwaitHeld() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&waiting_));
  }
  void LetGo() {
    absl::MutexLock lock(&mutex_);
    held_ = false;
  }

  // All from one node, taken together.
  void Receive(NodeId from, std::vector<paxos::MessageBody> bodies) {
    std::vector<paxos::Message> messages;
    for (paxos::MessageBody& body : bodies) {
      messages.push_back({kGroup, from, kSelf, std::move(body)});
    }
    inbox_.PostMessages(std::move(messages));
  }

  // Proposes for a client; what becomes of it stands in the result.
  std::shared_ptr<std::optional<rpc::Failure>> Propose() {
    auto failure = std::make_shared<std::optional<rpc::Failure>>();
    rpc::Backend::ProposeDone done = [this, failure](rpc::ProposeOutcome outcome) {
      absl::MutexLock lock(&mutex_);
      *failure = outcome.failure;
    };
    const auto id = pending_.Add(absl::InfiniteDuration(), done);
    EXPECT_TRUE(inbox_.PostCommand({*id, "command"}));
    return failure;
  }
  std::optional<rpc::Failure> Await(const std::shared_ptr<std::optional<rpc::Failure>>& failure) {
    absl::MutexLock lock(&mutex_);
    const auto known = [&] { return failure->has_value(); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&known), kLimit));
    return *failure;
  }
  size_t pending() const { return pending_.size(); }

  // The first message of this kind that was sent, or is.
  template <class Body>
  Body AwaitSent() {
    absl::MutexLock lock(&mutex_);
    const auto sent = [&] { return Find<Body>() != nullptr; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&sent), kLimit));
    const Body* const found = Find<Body>();
    return found == nullptr ? Body() : *found;
  }
  template <class Body>
  bool HasSent() {
    absl::MutexLock lock(&mutex_);
    return Find<Body>() != nullptr;
  }

  uint64_t dropped() const { return inbox_.messages_dropped_total(); }

 private:
  static constexpr absl::Duration kLimit = absl::Seconds(20);

  static ReplicaThread::Options MakeOptions() {
    return {.ticks = Ticks(absl::Milliseconds(100), absl::Seconds(1)),
            .leader_patience = absl::Seconds(3),
            .refuse_commands_above = kRefuseAbove,
            .drop_messages_above = kDropAbove};
  }
  static paxos::ReplicaOptions MakeReplicaOptions() {
    paxos::ReplicaOptions options;
    options.group = kGroup;
    options.self = kSelf;
    return options;
  }
  static paxos::RecoveredState Recovered() {
    paxos::RecoveredState state;
    state.instance = 7;
    state.founded = true;
    state.configurations =
        paxos::ConfigurationHistory(paxos::Configuration::OfVoters({kSelf, NodeId(2), NodeId(3)}));
    return state;
  }
  ReplicaThread::Shared MakeShared() {
    return {&inbox_, &pending_, &reads_, &replies_, board_.get(), &metrics_, &log_, &clock_};
  }
  ReplicaThread::Outlets Outlets() {
    ReplicaThread::Outlets outlets;
    outlets.send = [this](std::vector<paxos::Message> messages) { Keep(std::move(messages)); };
    outlets.persist = [this](paxos::Ready& ready) {
      Keep(std::move(ready.messages_after_sync));
      inbox_.PostPersisted(ready.token);
    };
    outlets.apply = [](const std::vector<paxos::ChosenValue>&) {};
    outlets.cut = [](Slot) {};
    outlets.backlog_bytes = [this] {
      absl::MutexLock lock(&mutex_);
      waiting_ = held_;
      const auto let_go = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !held_; };
      mutex_.Await(absl::Condition(&let_go));
      waiting_ = false;
      return backlog_;
    };
    return outlets;
  }

  void Keep(std::vector<paxos::Message> messages) {
    absl::MutexLock lock(&mutex_);
    for (paxos::Message& message : messages) sent_.push_back(std::move(message.body));
  }
  template <class Body>
  const Body* Find() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const paxos::MessageBody& body : sent_) {
      if (const auto* found = std::get_if<Body>(&body)) return found;
    }
    return nullptr;
  }

  absl::Mutex mutex_;
  size_t backlog_ ABSL_GUARDED_BY(mutex_) = 0;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<paxos::MessageBody> sent_ ABSL_GUARDED_BY(mutex_);

  const ManualClock clock_;  // no tick ever passes: nothing happens but what the test sends
  Log log_{LogOptions(), &clock_, [](absl::string_view) {}};
  NodeMetrics metrics_;
  const std::shared_ptr<StatusBoard> board_ = std::make_shared<StatusBoard>(rpc::NodeStatus());
  ReplicaInbox inbox_{ReplicaInboxLimits()};
  PendingTable pending_{kSelf, 1, 1000};
  ReadBatcher reads_{1000, Slot()};
  ReplyPool replies_{1};
  ReplicaThread thread_;
};

paxos::Ballot BallotOf(uint64_t round, NodeId node) {
  return {round, node};
}

// One of each kind that matters, taken together. When heartbeat and vote have been answered, so has
// all else that will be: what waits for one sync is sent together.
void ReceiveOneOfEach(Follower& follower) {
  const NodeId leader(2);
  const paxos::Ballot ballot = BallotOf(5, leader);
  const paxos::Command command{{NodeId(3), 1}, "command"};
  follower.Receive(leader, {paxos::Probe{ballot, Slot()}, paxos::Prepare{ballot, Slot()},
                            paxos::Accept{ballot, Slot(1), paxos::Value(), Slot()},
                            paxos::Learned{{}, Slot()}, paxos::Forward{ballot, 1, 1, {command}},
                            paxos::Heartbeat{ballot, Slot(), 1, Slot()}});
  follower.AwaitSent<paxos::HeartbeatReply>();
  follower.AwaitSent<paxos::Promise>();
}

TEST(ReplicaThreadTest, WithoutABacklogEverythingGetsThrough) {
  Follower follower;
  ReceiveOneOfEach(follower);
  EXPECT_TRUE(follower.HasSent<paxos::Accepted>());
  EXPECT_EQ(follower.dropped(), 0u);
}

TEST(ReplicaThreadTest, ABacklogRefusesCommandsAndDropsForwardedOnes) {
  Follower follower;
  follower.SetBacklog(kRefuseAbove + 1);
  ReceiveOneOfEach(follower);
  EXPECT_TRUE(follower.HasSent<paxos::Accepted>());
  EXPECT_EQ(follower.dropped(), 1u);
  EXPECT_EQ(follower.Await(follower.Propose()), rpc::Failure::kOverloaded);
  follower.SetBacklog(kRefuseAbove);
  follower.Propose();
  follower.AwaitSent<paxos::Forward>();
}

// Without heartbeats and votes overload would become an outage.
TEST(ReplicaThreadTest, AGreatBacklogDropsValuesToo) {
  Follower follower;
  follower.SetBacklog(kDropAbove + 1);
  ReceiveOneOfEach(follower);
  EXPECT_TRUE(follower.HasSent<paxos::ProbeReply>());
  EXPECT_FALSE(follower.HasSent<paxos::Accepted>());
  EXPECT_EQ(follower.dropped(), 3u);
}

// A command that went to the new leader is not lost because the old one is.
TEST(ReplicaThreadTest, ANewLeaderFailsWhatWentToTheOldOneAlone) {
  Follower follower;
  const NodeId old_leader(2);
  const NodeId new_leader(3);
  const paxos::Ballot newer = BallotOf(6, new_leader);
  follower.Receive(old_leader, {paxos::Heartbeat{BallotOf(5, old_leader), Slot(), 1, Slot()}});
  follower.AwaitSent<paxos::HeartbeatReply>();
  const auto lost = follower.Propose();
  follower.AwaitSent<paxos::Forward>();

  // The thread takes the new leader's first heartbeat and a command for it together.
  follower.Hold();
  follower.Receive(old_leader, {paxos::Heartbeat{BallotOf(5, old_leader), Slot(), 0, Slot()}});
  follower.AwaitHeld();
  follower.Receive(new_leader, {paxos::Heartbeat{newer, Slot(), 1, Slot()}});
  const auto kept = follower.Propose();
  follower.LetGo();

  const auto question = follower.AwaitSent<paxos::ReadRequest>();
  EXPECT_EQ(question.ballot, newer);
  follower.Receive(new_leader, {paxos::ReadReply{question.read_id, Slot()}});
  EXPECT_EQ(follower.Await(lost), rpc::Failure::kTimeoutLeaderFailed);
  EXPECT_EQ(follower.pending(), 1u) << "of the command that went to the new leader";
}

}  // namespace
}  // namespace synod::node
