// Slots that the log knew to be chosen, lost to damage, and in which the node then voted again, as
// it may: for a leader, say, that others have long replaced, and whose message came late. The hint
// is older than such a vote and proves nothing about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/storage/log_files.h"
#include "tests/unit/storage/open_log.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReopenedSlotTest : public AcceptorLogTest {
 protected:
  static paxos::Value Named(const std::string& name) {
    return paxos::Value::OfCommands({{{NodeId(3), 1}, name}});
  }

  // Slots 1 to 4 are known to be chosen; the value of 2 rots, and with `head` all that names it.
  void LearnAndLose(bool head) {
    Open();
    Write({Promise(1, 3)});
    for (uint64_t slot = 1; slot <= 4; ++slot) {
      Write({Learned(1, slot, Named("X" + std::to_string(slot)))});
    }
    log_.reset();
    std::string& records = env_.Contents(RecordsPath("log", 1));
    const size_t value = records.find("X2");
    ASSERT_NE(value, std::string::npos);
    records[value] ^= 1;
    if (head) {
      records[value / 512 * 512 + 9] ^= 1;
      env_.Contents(IdentifiersPath("log", 1))[88 + 3] ^= 1;
    }
    Open();
    ASSERT_THAT(log_->State(kGroup).reopened, IsEmpty());
    ASSERT_EQ(log_->State(kGroup).unknown.size(), 1u);
    ASSERT_EQ(log_->State(kGroup).unknown[0].slot, Slot(2));
  }

  void VoteAgain() {
    Write({Accepted(1, 2, 7, Named("other"))});
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(4));
      EXPECT_THAT(log_->State(kGroup).unknown, IsEmpty());
      EXPECT_THAT(log_->State(kGroup).reopened, ElementsAre(Slot(2)));
      Open();
    }
  }
};

TEST_F(ReopenedSlotTest, AVoteThereDoesNotPassForChosen) {
  LearnAndLose(/*head=*/false);
  VoteAgain();
}

TEST_F(ReopenedSlotTest, NorWhereEveryTraceWasLost) {
  LearnAndLose(/*head=*/true);
  VoteAgain();
}

TEST_F(ReopenedSlotTest, ALaterRecordThatCoversItClosesIt) {
  LearnAndLose(/*head=*/false);
  VoteAgain();
  Write({Accepted(1, 5, 9, Named("X5"), /*chosen_through=*/1)});
  EXPECT_THAT(log_->State(kGroup).reopened, ElementsAre(Slot(2)));
  Write({Accepted(1, 6, 9, Named("X6"), /*chosen_through=*/4)});
  EXPECT_THAT(log_->State(kGroup).reopened, IsEmpty());
  Open();
  EXPECT_THAT(log_->State(kGroup).reopened, IsEmpty());
}

TEST_F(ReopenedSlotTest, LearningItClosesIt) {
  LearnAndLose(/*head=*/false);
  VoteAgain();
  Write({Learned(1, 2, Named("X2"))});
  EXPECT_THAT(log_->State(kGroup).reopened, IsEmpty());
  Open();
  EXPECT_THAT(log_->State(kGroup).reopened, IsEmpty());
}

// The value learned is still held; a vote does not take its place.
TEST_F(ReopenedSlotTest, AVoteInASlotThatIsStillHeldOpensNothing) {
  LearnAndLose(/*head=*/false);
  Write({Accepted(1, 3, 7, Named("other"))});
  EXPECT_THAT(log_->State(kGroup).reopened, IsEmpty());
  EXPECT_EQ(log_->ReadValues(kGroup, Slot(3), Slot(3), 1).value()[0].value, Named("X3"));
}

}  // namespace
}  // namespace synod::storage
