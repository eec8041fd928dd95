#include "services/node/pending_table.h"

#include <gtest/gtest.h>

#include <map>

namespace synod::node {
namespace {

class PendingTableTest : public ::testing::Test {
 protected:
  // Adds a proposal whose outcome shows in `outcomes_`; 0 when the table is full.
  uint64_t Add(absl::Duration deadline) {
    const uint64_t expected = next_++;
    rpc::Backend::ProposeDone done = [this, expected](rpc::ProposeOutcome outcome) {
      EXPECT_TRUE(outcomes_.emplace(expected, std::move(outcome)).second) << "answered twice";
    };
    const auto id = table_.Add(deadline, done);
    if (!id) return 0;
    EXPECT_EQ(id->origin, NodeId(7));
    EXPECT_EQ(id->sequence, expected);
    return id->sequence;
  }

  void Run() {
    for (FinishedProposal& proposal : finished_) proposal.Run();
    finished_.clear();
  }

  rpc::Failure FailureOf(uint64_t sequence) { return outcomes_.at(sequence).failure; }

  uint64_t next_ = 100;
  PendingTable table_{NodeId(7), 100, /*max_pending=*/3};
  PendingTable::Finished finished_;
  std::map<uint64_t, rpc::ProposeOutcome> outcomes_;
};

TEST_F(PendingTableTest, ResolvesWithTheResult) {
  const uint64_t first = Add(absl::Seconds(1));
  const uint64_t second = Add(absl::Seconds(1));
  kv::Result result;
  result.revision = 9;
  table_.Resolve({{second, result}, {555, result}}, finished_);
  Run();
  EXPECT_EQ(outcomes_.size(), 1u);
  EXPECT_EQ(FailureOf(second), rpc::Failure::kNone);
  EXPECT_EQ(outcomes_.at(second).result.revision, 9);
  EXPECT_EQ(table_.size(), 1u);
  table_.Resolve({{second, result}}, finished_);
  EXPECT_TRUE(finished_.empty()) << "applied again after a restart";
  table_.Fail(first, rpc::Failure::kOverloaded, finished_);
  Run();
  EXPECT_EQ(FailureOf(first), rpc::Failure::kOverloaded);
}

TEST_F(PendingTableTest, RefusesBeyondItsBound) {
  for (int i = 0; i < 3; ++i) EXPECT_NE(Add(absl::Seconds(1)), 0u);
  rpc::Backend::ProposeDone done = [](const rpc::ProposeOutcome&) {};
  EXPECT_EQ(table_.Add(absl::Seconds(1), done), std::nullopt);
  EXPECT_TRUE(done) << "left to the caller";
}

TEST_F(PendingTableTest, ExpiresAtTheDeadlineAndNotBefore) {
  const uint64_t late = Add(absl::Seconds(3));
  const uint64_t early = Add(absl::Seconds(1));
  table_.Expire(absl::Seconds(1) - absl::Nanoseconds(1), finished_);
  EXPECT_TRUE(finished_.empty());
  table_.Expire(absl::Seconds(1), finished_);
  Run();
  EXPECT_EQ(FailureOf(early), rpc::Failure::kTimeout);
  EXPECT_EQ(outcomes_.count(late), 0u);
  table_.Expire(absl::Seconds(3), finished_);
  Run();
  EXPECT_EQ(FailureOf(late), rpc::Failure::kTimeout);
  EXPECT_EQ(table_.failed_total(), 2u);
}

TEST_F(PendingTableTest, LaterDeadlinesAreFoundAfterAnExpiry) {
  Add(absl::Seconds(1));
  table_.Expire(absl::Seconds(1), finished_);
  const uint64_t next = Add(absl::Seconds(2));
  table_.Expire(absl::Seconds(2), finished_);
  Run();
  EXPECT_EQ(FailureOf(next), rpc::Failure::kTimeout);
}

TEST_F(PendingTableTest, FailThroughSparesWhatCameLater) {
  const uint64_t first = Add(absl::Seconds(1));
  const uint64_t second = Add(absl::Seconds(1));
  const uint64_t third = Add(absl::Seconds(1));
  table_.FailThrough(second, rpc::Failure::kTimeoutLeaderFailed, finished_);
  Run();
  EXPECT_EQ(FailureOf(first), rpc::Failure::kTimeoutLeaderFailed);
  EXPECT_EQ(FailureOf(second), rpc::Failure::kTimeoutLeaderFailed);
  EXPECT_EQ(outcomes_.count(third), 0u);
  table_.FailAll(rpc::Failure::kStopped, finished_);
  Run();
  EXPECT_EQ(FailureOf(third), rpc::Failure::kStopped);
  EXPECT_EQ(table_.size(), 0u);
}

}  // namespace
}  // namespace synod::node
