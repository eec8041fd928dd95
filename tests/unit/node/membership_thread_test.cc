// Who carries a change of the members out, and in which order. What a change makes of the members
// is membership_test's.
#include "services/node/membership_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/unit/node/manual_clock.h"

namespace synod::node {
namespace {

using paxos::ConfigMember;
using paxos::Configuration;
using paxos::ConfigurationChange;
using paxos::ConfigurationHistory;
using rpc::AddMember;
using rpc::Failure;
using rpc::HandOverOutcome;
using rpc::MemberChange;
using rpc::MemberOutcome;
using rpc::MemberRefusal;
using rpc::RemoveMember;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr uint64_t kWindow = 4;
constexpr absl::Duration kElection = absl::Seconds(1);
constexpr absl::Duration kPatience = absl::Seconds(60);
const NodeId kSelf(1);

std::string UrlOf(uint64_t id) {
  return "http://host" + std::to_string(id) + ":2380";
}

ConfigMember Voter(uint64_t id) {
  return {NodeId(id), true, 0, MemberAttributes{"n", {UrlOf(id)}, false}.Encode()};
}

ConfigMember WaitingForItsVote(uint64_t id) {
  return {NodeId(id), false, 0, MemberAttributes{"", {UrlOf(id)}, true}.Encode()};
}

// What follows runs on the membership thread but for what the tests themselves call; the two never
// overlap, as the tests wait for what they asked for.
class MembershipThreadTest : public ::testing::Test {
 protected:
  MembershipThreadTest() {
    Lead(kSelf);
    board_->PublishProgress({{NodeId(2), 72, Slot(90), 0}, {NodeId(3), 73, Slot(95), 0}});
    for (const uint64_t id : {2, 3}) board_->SetLink(NodeId(id), true, absl::ZeroDuration());
  }

  void Start(size_t max_queued = 8) {
    MembershipThread::Options options{kSelf, kElection, 10};
    options.max_queued = max_queued;
    thread_.emplace(
        options, MembershipThread::Shared{&members_, board_.get(), &log_, &clock_},
        MembershipThread::Outlets{
            [this](absl::Duration, rpc::Backend::ReadableDone done) { on_read_(done); },
            [this](std::string payload, absl::Duration, const rpc::Backend::ProposeDone& done) {
              proposed_.push_back(*ConfigurationChange::Parse(payload));
              done({on_propose_(), {}});
            },
            [this](NodeId to) {
              handed_to_.push_back(to);
              on_hand_over_(to);
            },
            [this](const std::string& address, const MemberChange&, absl::Duration) {
              asked_.push_back(address);
              return on_ask_();
            }});
  }

  // From now on this one leads and serves; nobody does for NodeId().
  void Lead(NodeId leader) {
    paxos::ReplicaStatus status;
    status.leader = leader;
    status.leader_ballot = {++round_, leader};
    status.leader_serves = leader == kSelf;
    status.chosen_through = chosen_;
    board_->Publish(status, clock_.Monotonic());
  }

  // The change that was proposed last is chosen and applied, and in force.
  void Apply() {
    ConfigurationHistory history = members_.Get();
    chosen_ = chosen_.next();
    ASSERT_TRUE(history.Choose(chosen_,
                               paxos::Value::OfCommands({{{kSelf, chosen_.value()},
                                                          proposed_.back().Encode(),
                                                          paxos::CommandKind::kConfiguration}}),
                               kWindow));
    members_.Set(std::move(history));
    chosen_ = chosen_ + kWindow;
    Lead(kSelf);
  }

  MemberOutcome Change(MemberChange change, bool handed_on = false) {
    MemberOutcome outcome;
    absl::Notification done;
    thread_->Change(std::move(change), Deadline(), handed_on, [&](MemberOutcome result) {
      outcome = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return outcome;
  }

  HandOverOutcome MoveLeader(NodeId to) {
    HandOverOutcome outcome{};
    absl::Notification done;
    thread_->MoveLeader(to, Deadline(), [&](HandOverOutcome result) {
      outcome = result;
      done.Notify();
    });
    done.WaitForNotification();
    return outcome;
  }

  void Resign() {
    absl::Notification done;
    thread_->Resign(Deadline(), [&] { done.Notify(); });
    done.WaitForNotification();
  }

  absl::Duration Deadline() const { return clock_.Monotonic() + kPatience; }

  ManualClock clock_;
  Log log_{{}, &clock_, [](absl::string_view) {}};
  Slot chosen_{100};
  uint64_t round_ = 0;
  const std::shared_ptr<StatusBoard> board_ = std::make_shared<StatusBoard>(rpc::NodeStatus());
  AppliedMembers members_{kSelf,
                          ConfigurationHistory(Configuration({Voter(1), Voter(2), Voter(3)})), 0};

  std::function<void(const rpc::Backend::ReadableDone&)> on_read_ =
      [](const rpc::Backend::ReadableDone& done) { done(Failure::kNone); };
  std::function<Failure()> on_propose_ = [this] {
    Apply();
    return Failure::kNone;
  };
  std::function<void(NodeId)> on_hand_over_ = [this](NodeId to) { Lead(to); };
  std::function<absl::StatusOr<MemberOutcome>()> on_ask_ = [] { return MemberOutcome(); };
  std::vector<ConfigurationChange> proposed_;
  std::vector<NodeId> handed_to_;
  std::vector<std::string> asked_;
  std::optional<MembershipThread> thread_;  // last: it uses the others
};

TEST_F(MembershipThreadTest, TheLeaderProposesWhatFollowsFromTheNewestConfiguration) {
  Start();
  const MemberOutcome outcome = Change(AddMember{{UrlOf(4)}, false});
  EXPECT_EQ(outcome.failure, Failure::kNone);
  EXPECT_EQ(outcome.refusal, MemberRefusal::kNone);
  ASSERT_EQ(proposed_.size(), 1u);
  EXPECT_EQ(proposed_[0].based_on, Slot());
  EXPECT_TRUE(proposed_[0].next.Contains(outcome.added));
  EXPECT_FALSE(proposed_[0].next.IsVoter(outcome.added));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(MembershipThreadTest, RefusesWithoutProposing) {
  Start();
  EXPECT_EQ(Change(RemoveMember{NodeId(9)}).refusal, MemberRefusal::kNotFound);
  EXPECT_THAT(proposed_, IsEmpty());
}

// As etcd, which wants to see a connection for five seconds.
TEST_F(MembershipThreadTest, AVoterThatHasJustComeBackDoesNotCountYet) {
  board_->SetLink(NodeId(2), false, clock_.Monotonic());
  Start();
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kUnhealthy);
  board_->SetLink(NodeId(2), true, clock_.Monotonic());
  board_->SetLink(NodeId(2), true, clock_.Monotonic() + absl::Seconds(4));  // still the same
  clock_.Advance(5 * kElection - absl::Nanoseconds(1));
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kUnhealthy);
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kNone);
}

TEST_F(MembershipThreadTest, AVoterThatIsReachedElsewhereIsConnectedAnew) {
  board_->SetPeers({{NodeId(2), "host2:2380"}, {NodeId(3), "host3:2380"}});
  Start();
  board_->SetPeers({{NodeId(2), "host2:2380"}, {NodeId(3), "moved:2380"}});
  board_->SetLink(NodeId(3), true, clock_.Monotonic());
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kUnhealthy);
  clock_.Advance(5 * kElection);
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kNone);
}

// Of one that it has not heard yet a new leader's progress says that it is silent since the
// election. etcd, too, lets whoever has no connection go.
TEST_F(MembershipThreadTest, ADeadVoterMayGoRightAfterAnElection) {
  board_->PublishProgress({{NodeId(2), 0, Slot(), 3}, {NodeId(3), 73, Slot(95), 0}});
  board_->SetLink(NodeId(2), false, clock_.Monotonic());
  Start();
  EXPECT_EQ(Change(RemoveMember{NodeId(2)}).refusal, MemberRefusal::kNone);
}

// Refusals, too, must not come from a state that others know to be old.
TEST_F(MembershipThreadTest, DecidesNothingWithoutAFreshRead) {
  on_read_ = [](const rpc::Backend::ReadableDone& done) { done(Failure::kTimeout); };
  Start();
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).failure, Failure::kTimeout);
  EXPECT_EQ(Change(RemoveMember{NodeId(9)}).failure, Failure::kTimeout);
  EXPECT_THAT(proposed_, IsEmpty());
}

TEST_F(MembershipThreadTest, AFollowerHandsTheChangeToItsLeaderOnce) {
  Lead(NodeId(3));
  on_ask_ = [] { return MemberOutcome{{}, MemberRefusal::kUnhealthy, {}, {}}; };
  Start();
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).refusal, MemberRefusal::kUnhealthy);
  EXPECT_THAT(asked_, ElementsAre("host3:2380"));
  // Whoever took this one for the leader finds the right one himself: no chains.
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}, /*handed_on=*/true).failure, Failure::kNoLeader);
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_THAT(proposed_, IsEmpty());
}

TEST_F(MembershipThreadTest, AsksAgainWhenTheLeaderTurnsOutToBeNone) {
  Lead(NodeId(3));
  on_ask_ = [this]() -> absl::StatusOr<MemberOutcome> {
    if (asked_.size() == 1) return absl::FailedPreconditionError("it does not lead");
    if (asked_.size() == 2) return MemberOutcome{Failure::kNoLeader, {}, {}, {}};
    return MemberOutcome();
  };
  Start();
  EXPECT_EQ(Change(RemoveMember{NodeId(2)}).failure, Failure::kNone);
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(MembershipThreadTest, AChangeWhoseAnswerIsLostIsNotMadeTwice) {
  Lead(NodeId(3));
  on_ask_ = [] { return absl::UnavailableError("the connection broke"); };
  Start();
  EXPECT_EQ(Change(RemoveMember{NodeId(2)}).failure, Failure::kTimeoutLeaderFailed);
  EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(MembershipThreadTest, AChangeThatTheNodesStopCutsOffSaysSo) {
  Lead(NodeId(3));
  on_ask_ = [] { return absl::CancelledError("the node stops"); };
  Start();
  EXPECT_EQ(Change(RemoveMember{NodeId(2)}).failure, Failure::kStopped);
}

TEST_F(MembershipThreadTest, WaitsForALeaderUntilTheDeadline) {
  Lead(NodeId());
  Start();
  MemberOutcome outcome;
  absl::Notification done;
  thread_->Change(RemoveMember{NodeId(2)}, Deadline(), false, [&](MemberOutcome result) {
    outcome = std::move(result);
    done.Notify();
  });
  EXPECT_FALSE(done.HasBeenNotified());
  clock_.Advance(kPatience);
  done.WaitForNotification();
  EXPECT_EQ(outcome.failure, Failure::kNoLeader);
}

TEST_F(MembershipThreadTest, ComputesAnewWhenAnotherChangeCameFirst) {
  on_propose_ = [this] {
    if (proposed_.size() == 1) {
      const ConfigurationChange ours = proposed_[0];
      proposed_[0] = {Slot(), Configuration({Voter(1), Voter(3)})};
      Apply();
      proposed_[0] = ours;
      return Failure::kSuperseded;
    }
    Apply();
    return Failure::kNone;
  };
  Start();
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).failure, Failure::kNone);
  ASSERT_EQ(proposed_.size(), 2u);
  EXPECT_EQ(proposed_[1].based_on, Slot(101));
  EXPECT_FALSE(proposed_[1].next.Contains(NodeId(2))) << "the other change is kept";
}

TEST_F(MembershipThreadTest, OneChangeAtATime) {
  // The change before is chosen at 101 and in force from 105 on.
  proposed_ = {{Slot(), Configuration({Voter(1), Voter(3)})}};
  Apply();
  proposed_.clear();
  chosen_ = Slot(103);
  Lead(kSelf);
  int reads = 0;
  on_read_ = [&](const rpc::Backend::ReadableDone& done) {
    if (++reads == 3) {
      EXPECT_THAT(proposed_, IsEmpty());
      chosen_ = Slot(104);
      Lead(kSelf);
    }
    done(Failure::kNone);
  };
  Start();
  EXPECT_EQ(Change(AddMember{{UrlOf(4)}, false}).failure, Failure::kNone);
  EXPECT_EQ(proposed_.size(), 1u);
}

TEST_F(MembershipThreadTest, ALeaderThatIsToGoHandsOverAndGoesThroughTheNewOne) {
  Start();
  EXPECT_EQ(Change(RemoveMember{kSelf}).failure, Failure::kNone);
  EXPECT_THAT(handed_to_, ElementsAre(NodeId(3))) << "who has least to catch up";
  EXPECT_THAT(asked_, ElementsAre("host3:2380"));
  EXPECT_THAT(proposed_, IsEmpty());
}

TEST_F(MembershipThreadTest, NobodyHandsOverToWhoIsNotThere) {
  board_->PublishProgress({{NodeId(2), 72, Slot(90), 0}, {NodeId(3), 73, Slot(95), 11}});
  Start();
  Resign();
  EXPECT_THAT(handed_to_, ElementsAre(NodeId(2)));
}

TEST_F(MembershipThreadTest, ResignsWithoutWaitingForThoseWhoAreGone) {
  board_->PublishProgress({{NodeId(2), 72, Slot(90), 11}, {NodeId(3), 73, Slot(95), 11}});
  Start();
  Resign();
  Lead(NodeId(2));
  Resign();
  thread_->Stop();
  Resign();
  EXPECT_THAT(handed_to_, IsEmpty());
}

TEST_F(MembershipThreadTest, ALeaderThatNobodyReplacesGoesByItself) {
  on_hand_over_ = [this](NodeId) { clock_.Advance(kElection); };
  Start();
  EXPECT_EQ(Change(RemoveMember{kSelf}).failure, Failure::kNone);
  EXPECT_EQ(handed_to_.size(), 1u);
  ASSERT_EQ(proposed_.size(), 1u);
  EXPECT_FALSE(proposed_[0].next.Contains(kSelf));
}

TEST_F(MembershipThreadTest, GivesWhoWaitsForItsVoteTheVoteOnceItHasCaughtUp) {
  proposed_ = {{Slot(), Configuration({Voter(1), Voter(2), Voter(3), WaitingForItsVote(4)})}};
  Apply();
  proposed_.clear();
  absl::Notification promoted;
  on_propose_ = [&] {
    Apply();
    promoted.Notify();
    return Failure::kNone;
  };
  board_->Introduce(NodeId(4), {"n4", {}});
  board_->SetLink(NodeId(4), true, clock_.Monotonic());
  board_->PublishProgress({{NodeId(4), 74, chosen_, 0}});
  Start();
  promoted.WaitForNotification();
  thread_->Stop();
  ASSERT_EQ(proposed_.size(), 1u);
  EXPECT_TRUE(proposed_[0].next.IsVoter(NodeId(4)));
  EXPECT_EQ(proposed_[0].next.Find(NodeId(4))->instance, 74u);
}

TEST_F(MembershipThreadTest, MovesTheLeader) {
  Start();
  EXPECT_EQ(MoveLeader(NodeId(9)), HandOverOutcome::kBadTransferee);
  EXPECT_EQ(MoveLeader(kSelf), HandOverOutcome::kDone);
  EXPECT_THAT(handed_to_, IsEmpty());
  EXPECT_EQ(MoveLeader(NodeId(2)), HandOverOutcome::kDone);
  EXPECT_THAT(handed_to_, ElementsAre(NodeId(2)));
  EXPECT_EQ(MoveLeader(NodeId(3)), HandOverOutcome::kNotLeader);
}

TEST_F(MembershipThreadTest, SaysWhenNobodyTakesOver) {
  on_hand_over_ = [this](NodeId) { clock_.Advance(kElection); };
  Start();
  EXPECT_EQ(MoveLeader(NodeId(2)), HandOverOutcome::kTimeout);
}

TEST_F(MembershipThreadTest, StoppingFailsWhatIsUnderWayAndWhatWaits) {
  absl::Notification reading;
  rpc::Backend::ReadableDone never;
  on_read_ = [&](const rpc::Backend::ReadableDone& done) {
    if (never) return;  // of the one that waits
    never = done;
    reading.Notify();
  };
  Start(/*max_queued=*/2);
  std::vector<Failure> failures;
  const auto note = [&](const MemberOutcome& outcome) { failures.push_back(outcome.failure); };
  thread_->Change(RemoveMember{NodeId(2)}, Deadline(), false, note);
  reading.WaitForNotification();
  thread_->Change(RemoveMember{NodeId(3)}, Deadline(), false, note);
  thread_->Change(RemoveMember{NodeId(3)}, Deadline(), false, note);
  EXPECT_THAT(failures, ElementsAre(Failure::kOverloaded)) << "the queue has its bound";
  thread_->Stop();
  thread_->Change(RemoveMember{NodeId(3)}, Deadline(), false, note);
  EXPECT_THAT(failures, ElementsAre(Failure::kOverloaded, Failure::kStopped, Failure::kStopped,
                                    Failure::kStopped));
}

}  // namespace
}  // namespace synod::node
