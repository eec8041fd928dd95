#include "services/node/read_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace synod::node {
namespace {

using Added = ReadBatcher::Added;

class ReadBatcherTest : public ::testing::Test {
 protected:
  Added Add(int name, absl::Duration deadline = absl::Seconds(10)) {
    rpc::Backend::ReadableDone done = [this, name](rpc::Failure failure) {
      EXPECT_TRUE(answers_.emplace(name, failure).second) << name << " answered twice";
    };
    return reads_.Add(deadline, done);
  }

  std::map<int, rpc::Failure> Answers() {
    for (FinishedRead& read : finished_) read.Run();
    finished_.clear();
    return std::exchange(answers_, {});
  }

  ReadBatcher reads_{/*max_reads=*/4, /*applied=*/Slot(10)};
  ReadBatcher::Finished finished_;
  std::map<int, rpc::Failure> answers_;
};

using Map = std::map<int, rpc::Failure>;
constexpr auto kOk = rpc::Failure::kNone;

TEST_F(ReadBatcherTest, ManyReadsShareARound) {
  EXPECT_EQ(Add(1), Added::kFirst);
  EXPECT_EQ(Add(2), Added::kJoined);
  const auto round = reads_.StartRound();
  ASSERT_TRUE(round);
  reads_.Confirmed(*round, Slot(10), finished_);
  EXPECT_EQ(Answers(), (Map{{1, kOk}, {2, kOk}}));
  EXPECT_EQ(reads_.size(), 0u);
}

// Ongaro 2014, section 6.4: the confirming round starts after the read arrives.
TEST_F(ReadBatcherTest, ReadThatArrivesDuringARoundWaitsForTheNext) {
  Add(1);
  const auto first = reads_.StartRound();
  EXPECT_EQ(Add(2), Added::kJoined);
  EXPECT_EQ(reads_.StartRound(), std::nullopt) << "one round at a time";
  reads_.Confirmed(*first, Slot(10), finished_);
  EXPECT_EQ(Answers(), (Map{{1, kOk}}));
  const auto second = reads_.StartRound();
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
  reads_.Confirmed(*second, Slot(10), finished_);
  EXPECT_EQ(Answers(), (Map{{2, kOk}}));
}

TEST_F(ReadBatcherTest, ReadWaitsUntilItsSlotIsApplied) {
  Add(1);
  reads_.Confirmed(*reads_.StartRound(), Slot(12), finished_);
  EXPECT_EQ(Answers(), Map{});
  reads_.Applied(Slot(11), finished_);
  EXPECT_EQ(Answers(), Map{});
  reads_.Applied(Slot(13), finished_);
  EXPECT_EQ(Answers(), (Map{{1, kOk}}));
}

TEST_F(ReadBatcherTest, OldRoundsAreIgnored) {
  Add(1);
  const auto given_up = reads_.StartRound();
  reads_.FailUnconfirmed(rpc::Failure::kNoLeader, finished_);
  EXPECT_EQ(Answers(), (Map{{1, rpc::Failure::kNoLeader}}));
  Add(2);
  reads_.Confirmed(*given_up, Slot(1), finished_);
  EXPECT_EQ(Answers(), Map{});
  const auto round = reads_.StartRound();
  reads_.Confirmed(*given_up, Slot(1), finished_);
  EXPECT_EQ(Answers(), Map{}) << "confirmed for a read that had not arrived";
  reads_.Confirmed(*round, Slot(1), finished_);
  EXPECT_EQ(Answers(), (Map{{2, kOk}}));
}

TEST_F(ReadBatcherTest, AbandonedRoundIsStartedAgainWithEveryone) {
  Add(1);
  reads_.Abandon(*reads_.StartRound());
  EXPECT_EQ(Add(2), Added::kJoined);
  reads_.Confirmed(*reads_.StartRound(), Slot(1), finished_);
  EXPECT_EQ(Answers(), (Map{{1, kOk}, {2, kOk}}));
}

TEST_F(ReadBatcherTest, DeadlinesHoldInEveryState) {
  Add(1, absl::Seconds(1));
  reads_.Confirmed(*reads_.StartRound(), Slot(99), finished_);
  Add(2, absl::Seconds(1));
  const auto round = reads_.StartRound();
  Add(3, absl::Seconds(1));
  Add(4, absl::Seconds(2));
  reads_.Expire(absl::Milliseconds(999), finished_);
  EXPECT_EQ(Answers(), Map{});
  reads_.Expire(absl::Seconds(1), finished_);
  EXPECT_EQ(Answers(), (Map{{1, rpc::Failure::kTimeoutNotApplied},
                            {2, rpc::Failure::kTimeout},
                            {3, rpc::Failure::kTimeout}}));
  EXPECT_EQ(reads_.size(), 1u);
  reads_.Confirmed(*round, Slot(1), finished_);
  reads_.Applied(Slot(99), finished_);
  EXPECT_EQ(Answers(), Map{});
  reads_.Expire(absl::Seconds(2), finished_);
  EXPECT_EQ(Answers(), (Map{{4, rpc::Failure::kTimeout}}));
}

TEST_F(ReadBatcherTest, RefusesBeyondItsBoundAndFailsEverythingAtTheEnd) {
  Add(1);
  reads_.Confirmed(*reads_.StartRound(), Slot(99), finished_);
  Add(2);
  reads_.StartRound();
  Add(3);
  Add(4);
  EXPECT_EQ(Add(5), Added::kFull);
  reads_.FailUnconfirmed(rpc::Failure::kNoLeader, finished_);
  EXPECT_EQ(Answers().size(), 3u) << "a confirmed read only waits for the apply thread";
  reads_.FailAll(rpc::Failure::kStopped, finished_);
  EXPECT_EQ(Answers(), (Map{{1, rpc::Failure::kStopped}}));
  EXPECT_EQ(reads_.size(), 0u);
}

}  // namespace
}  // namespace synod::node
