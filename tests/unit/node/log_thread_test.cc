// The log thread and a full disk: nothing is promised of what is not durable, nothing is lost, and
// it goes on when there is space.
#include "services/node/log_thread.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/support/await.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::node {
namespace {

constexpr GroupId kGroup(1);
constexpr absl::Duration kLimit = absl::Seconds(20);

class LogThreadTest : public ::testing::Test {
 protected:
  LogThreadTest() : log_(Open()) {}

  std::unique_ptr<storage::AcceptorLog> Open() {
    storage::AcceptorLogOptions options;
    options.dir = "log";
    options.cluster = ClusterId(1);
    options.node = NodeId(1);
    options.segment_bytes = 16 << 10;
    options.spare_segments = 0;
    return storage::AcceptorLog::Open(&env_, options).value();
  }

  void Start() {
    LogThread::Outlets outlets;
    outlets.send = [this](std::vector<paxos::Message> messages) {
      absl::MutexLock lock(&mutex_);
      sent_ += messages.size();
    };
    outlets.persisted = [this](paxos::PersistToken token) {
      absl::MutexLock lock(&mutex_);
      persisted_ = token;
    };
    outlets.learn_reply = [](const paxos::LearnReply&) {};
    outlets.fatal = [](absl::string_view doing, const absl::Status& why) {
      ADD_FAILURE() << doing << ": " << why;
    };
    outlets.space = [this](const absl::Status& status) { OnSpace(status); };
    thread_ = std::make_unique<LogThread>(log_.get(), &metrics_, &clock_, std::move(outlets),
                                          absl::Milliseconds(1));
  }

  // On the log thread, which alone uses the disk.
  void OnSpace(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    (status.ok() ? ends_ : begins_) += 1;
    if (status.ok()) return;
    durable_when_full_ = persisted_;
    sent_when_full_ = sent_;
    full_.Notify();
    make_space_.WaitForNotification();
    env_.SetFull(stays_full_);
  }

  // Three to a segment.
  void Vote(uint64_t slot) {
    LogThread::Work work;
    work.records.push_back(
        {kGroup, paxos::AcceptedRecord{
                     Slot(slot),
                     {1, NodeId(1)},
                     paxos::Value::OfCommands({{{NodeId(1), slot}, std::string(3000, 'x')}}),
                     Slot()}});
    work.messages.push_back(
        {kGroup, NodeId(1), NodeId(2), paxos::Accepted{{1, NodeId(1)}, Slot(slot)}});
    work.token = slot;
    thread_->Post(std::move(work));
  }

  void AwaitPersisted(uint64_t token) {
    absl::MutexLock lock(&mutex_);
    const auto done = [&] { return persisted_ >= token; };
    ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&done), kLimit));
  }

  storage::FaultEnv env_;
  bool stays_full_ = false;
  std::unique_ptr<storage::AcceptorLog> log_;
  SystemClock clock_;
  NodeMetrics metrics_;
  absl::Notification full_;
  absl::Notification make_space_;
  absl::Mutex mutex_;
  uint64_t persisted_ = 0;
  size_t sent_ = 0;
  uint64_t durable_when_full_ = 0;
  size_t sent_when_full_ = 0;
  int begins_ = 0;
  int ends_ = 0;
  std::unique_ptr<LogThread> thread_;  // goes first
};

TEST_F(LogThreadTest, HoldsBackWhatDoesNotFitUntilThereIsSpace) {
  env_.SetFull(true);
  Start();
  for (uint64_t slot = 1; slot <= 20; ++slot) Vote(slot);
  ASSERT_TRUE(full_.WaitForNotificationWithTimeout(kLimit));
  for (uint64_t slot = 21; slot <= 25; ++slot) Vote(slot);
  EXPECT_GT(thread_->stalled_for(), absl::ZeroDuration());
  make_space_.Notify();
  AwaitPersisted(25);
  EXPECT_EQ(thread_->stalled_for(), absl::ZeroDuration());
  thread_.reset();
  EXPECT_LT(durable_when_full_, 20u);
  EXPECT_EQ(sent_when_full_, durable_when_full_) << "of what is not durable nobody is told";
  EXPECT_EQ(sent_, 25u);
  EXPECT_EQ(begins_, 1);
  EXPECT_EQ(ends_, 1);
  log_.reset();
  EXPECT_EQ(Open()->ReadAbove(kGroup, Slot()).value().size(), 25u);
}

TEST_F(LogThreadTest, EndsWithoutAPromiseWhenThereNeverIsSpace) {
  env_.SetFull(true);
  stays_full_ = true;
  Start();
  for (uint64_t slot = 1; slot <= 20; ++slot) Vote(slot);
  ASSERT_TRUE(full_.WaitForNotificationWithTimeout(kLimit));
  make_space_.Notify();
  thread_.reset();
  EXPECT_EQ(persisted_, durable_when_full_);
  EXPECT_EQ(sent_, sent_when_full_);
  EXPECT_EQ(ends_, 0);
}

// The state that is installed then may be what makes space.
TEST_F(LogThreadTest, CutsDurablyWhileTheDiskIsFull) {
  env_.SetFull(true);
  stays_full_ = true;
  Start();
  for (uint64_t slot = 1; slot <= 20; ++slot) Vote(slot);
  ASSERT_TRUE(full_.WaitForNotificationWithTimeout(kLimit));
  absl::Notification cut;
  thread_->CutDurably(kGroup, Slot(30), [&cut] { cut.Notify(); });
  make_space_.Notify();
  EXPECT_TRUE(cut.WaitForNotificationWithTimeout(kLimit));
  thread_.reset();
  EXPECT_EQ(ends_, 0);
  log_.reset();
  EXPECT_EQ(Open()->State(kGroup).cut_through, Slot(30));
}

// Who cuts a log because it is too large must see what the last cut has made of it first.
TEST_F(LogThreadTest, TellsNoSizeWhileACutIsUnderWay) {
  Start();
  for (uint64_t slot = 1; slot <= 30; ++slot) Vote(slot);
  AwaitPersisted(30);
  const uint64_t before = log_->SizeBytes();
  env_.SetFull(true);
  for (uint64_t slot = 31; slot <= 40; ++slot) Vote(slot);
  ASSERT_TRUE(full_.WaitForNotificationWithTimeout(kLimit));
  thread_->CutThrough(kGroup, Slot(29));
  EXPECT_EQ(thread_->settled_bytes(), std::nullopt);
  make_space_.Notify();
  std::optional<uint64_t> after;
  ASSERT_TRUE(
      testing::Await(kLimit, [&] { return (after = thread_->settled_bytes()).has_value(); }));
  EXPECT_LT(*after, before);
}

}  // namespace
}  // namespace synod::node
