// Every byte of an acknowledged log flipped, values and heads damaged in turn: the log opens, and
// each record is read intact, or reported with a bound on its ballot, or covered by lost_through.
// Nothing is silently absent, and nothing stale is taken for chosen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "services/storage/acceptor_log.h"
#include "services/storage/log_files.h"
#include "services/storage/record_codec.h"
#include "tests/unit/storage/damaged_log.h"

namespace synod::storage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using AcceptorLogDamageTest = DamagedLogTest;

TEST_F(AcceptorLogDamageTest, EveryFlippedByteIsHarmlessOrReported) {
  // Without the blank ends and the reserve it is quick enough for every byte there is.
  for (const char copy : {'a', 'b'}) env_.Contents(ManifestPath("log", copy)).resize(512);
  ASSERT_TRUE(env_.Remove(Records(4)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(4)).ok());
  int missed = 0;
  int refused = 0;
  for (const std::string& path : env_.Paths()) {
    const std::string& contents = env_.Contents(path);
    for (size_t at = 0; at < contents.size(); ++at) {
      // Of what was never written, some will do.
      const bool blank =
          contents.find_first_not_of('\0', at) - at > 100 && at % 512 != 0 && at % 61 != 0;
      if (blank) continue;
      const auto image = env_.Clone();
      image->Contents(path)[at] ^= static_cast<char>(1 << (at % 8));
      const auto outcome = Inspect(*image, path + " byte " + std::to_string(at));
      if (!outcome) {
        ++refused;
        EXPECT_EQ(path, IdentityPath("log")) << at;
      } else {
        missed += !outcome->intact;
        EXPECT_TRUE(outcome->intact || outcome->unknown > 0) << path << " byte " << at;
      }
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(missed, 16000) << "every byte of every value must be missed";
  EXPECT_GT(refused, 50);
}

TEST_F(AcceptorLogDamageTest, TheReportNamesFileOffsetSlotAndBallot) {
  std::string& records = env_.Contents(Records(1));
  const size_t at = records.find("5....");
  ASSERT_NE(at, std::string::npos);
  records[at + 3] ^= 1;
  const auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  ASSERT_EQ(log->damage().size(), 1);
  const std::string line = log->damage()[0];
  EXPECT_THAT(line, HasSubstr(Records(1)));
  EXPECT_THAT(line, HasSubstr("offset "));
  EXPECT_THAT(line, HasSubstr("slot 5 of group 1, accepted at ballot 3.1"));
  const GroupLogState state = log->State(kGroup);
  ASSERT_EQ(state.unknown.size(), 1);
  EXPECT_EQ(state.unknown[0].slot, Slot(5));
  EXPECT_EQ(state.unknown[0].bound, (paxos::Ballot{3, NodeId(1)})) << "exactly";
  EXPECT_EQ(state.lost_through, paxos::Ballot()) << "only this one is lost";
  // Its neighbours can still be taught, it cannot.
  EXPECT_EQ(log->ReadValues(kGroup, Slot(1), Slot(16), 1 << 20).value().size(), 4);
}

TEST_F(AcceptorLogDamageTest, ADamagedHeadIsReportedWithItsSlotFromTheIdentifiers) {
  env_.Contents(Records(1))[kSegmentHeaderBytes + 10] ^= 1;
  const auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_THAT(log->damage(), Contains(HasSubstr("slot 1 of group 1")));
  ASSERT_EQ(log->State(kGroup).unknown.size(), 1);
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
}

// Learning is no vote: what the node voted for in the slot has records of its own.
TEST_F(AcceptorLogDamageTest, ALostLearnedRecordHidesNoVote) {
  std::string& records = env_.Contents(Records(2));
  const size_t at = records.find("212....");
  ASSERT_NE(at, std::string::npos);
  records[at + 10] ^= 1;
  const auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  ASSERT_EQ(log->State(kGroup).unknown.size(), 1);
  EXPECT_EQ(log->State(kGroup).unknown[0].slot, Slot(12));
  EXPECT_EQ(log->State(kGroup).unknown[0].bound, paxos::Ballot());
  // The vote that the learned value replaced is no chosen value, though the hint covers its slot.
  EXPECT_GE(log->State(kGroup).chosen_hint, Slot(12));
  EXPECT_TRUE(absl::IsOutOfRange(log->ReadValues(kGroup, Slot(12), Slot(12), 1).status()));
}

// The lost batch may have held a vote in the slot that was learned later.
TEST_F(AcceptorLogDamageTest, ALostLearnedRecordBehindLostBatchesMayHideAVote) {
  ASSERT_TRUE(env_.Remove(Records(1)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(1)).ok());
  auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  Write(*log, {Learned(1, 5, ValueOf(505, 500)), Repaired(1), Learned(1, 6, ValueOf(506, 500)),
               Accepted(1, 23, 6, ValueOf(23))});
  ASSERT_TRUE(log->CutThrough(kGroup, Slot(2)).ok());
  log.reset();
  for (const uint64_t segment : {3, 4}) {
    std::string& records = env_.Contents(Records(segment));
    const size_t at = records.find("505....");
    if (at != std::string::npos) records[at + 10] ^= 1;
  }
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  const std::vector<paxos::UnknownVote> unknown = log->State(kGroup).unknown;
  const auto lost = std::find_if(unknown.begin(), unknown.end(),
                                 [](const auto& vote) { return vote.slot == Slot(5); });
  ASSERT_NE(lost, unknown.end());
  EXPECT_EQ(lost->bound, (paxos::Ballot{6, NodeId(1)}));
}

TEST_F(AcceptorLogDamageTest, WhatANewerRecordReplacedIsNotMissed) {
  // Slot 9 was accepted twice and then learned.
  for (const char* value : {"9....", "109....", "209...."}) {
    const auto image = env_.Clone();
    bool found = false;
    for (const uint64_t id : {1, 2, 3}) {
      std::string& records = image->Contents(Records(id));
      // The payload's length stands before it, so that "9...." is not the end of "109....".
      const size_t at = records.find(std::string("\0\0", 2) + value);
      if (at == std::string::npos) continue;
      records[at + 8] ^= 1;
      found = true;
    }
    ASSERT_TRUE(found) << value;
    const auto log = AcceptorLog::Open(image.get(), DamagedLogOptions()).value();
    EXPECT_THAT(log->damage(), Not(IsEmpty())) << value;
    EXPECT_EQ(log->State(kGroup).unknown.size(), value[0] == '2' ? 1 : 0) << value;
  }
}

// A power loss may take identifiers that were never synced; the batches then vouch for one another,
// and only the last one cannot be told from a torn tail.
TEST_F(AcceptorLogDamageTest, WithoutIdentifiersOnlyTheLastBatchMayGoUnnoticed) {
  std::string& identifiers = env_.Contents(Identifiers(3));
  identifiers.assign(identifiers.size(), '\0');
  LogTwin without_last = twin_;
  without_last.records.pop_back();
  int torn = 0;
  for (size_t at = kSegmentHeaderBytes; at < env_.Contents(Records(3)).size(); at += 7) {
    const auto image = env_.Clone();
    image->Contents(Records(3))[at] ^= 1;
    const auto log = AcceptorLog::Open(image.get(), DamagedLogOptions()).value();
    if (without_last.Matches(*log, kGroup, without_last.records.size())) {
      EXPECT_THAT(log->damage(), IsEmpty());
      ++torn;
    } else {
      Inspect(*log);
    }
  }
  EXPECT_GT(torn, 0);
}

TEST_F(AcceptorLogDamageTest, ATornTailIsDroppedAndWrittenOverThereafter) {
  {
    auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
    env_.FailFrom(2);  // written, not synced
    ASSERT_TRUE(log->Append({{Accepted(1, 22, 6, ValueOf(22, 2000))}}).ok());
    ASSERT_FALSE(log->Sync().ok());
  }
  env_.KillProcess();
  std::string& records = env_.Contents(Records(3));
  const size_t at = records.find("22....");
  ASSERT_NE(at, std::string::npos);
  records.replace(at + 1000, 512, std::string(512, '\0'));  // a sector that never arrived
  auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_TRUE(twin_.Matches(*log, kGroup, twin_.records.size()));
  EXPECT_THAT(log->damage(), IsEmpty());
  Write(*log, {Accepted(1, 22, 7, ValueOf(23, 40))});
  log.reset();
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_TRUE(twin_.Matches(*log, kGroup, twin_.records.size()));
}

// The same torn tail in a segment that is damaged as well: nothing may be written there any more,
// and the torn batch must not come back to life when its number is used again.
TEST_F(AcceptorLogDamageTest, ATornTailBehindDamageStaysDropped) {
  {
    auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
    env_.FailFrom(2);
    ASSERT_TRUE(log->Append({{Accepted(1, 22, 6, ValueOf(22, 2000))}}).ok());
    ASSERT_FALSE(log->Sync().ok());
  }
  env_.KillProcess();
  std::string& records = env_.Contents(Records(3));
  const size_t torn = records.find("22....");
  records[torn + 1000] ^= 1;
  records[records.find("18....") + 10] ^= 1;
  const std::string before = records;
  for (int restart = 0; restart < 3; ++restart) {
    auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
    const Outcome outcome = Inspect(*log);
    EXPECT_EQ(outcome.unknown, 1) << "slot 18";
    EXPECT_EQ(outcome.lost_through, paxos::Ballot());
    Write(*log, {Accepted(1, 22 + restart, 6, ValueOf(30 + restart, 40))});
  }
  EXPECT_EQ(env_.Contents(Records(3)), before) << "evidence";
}

TEST_F(AcceptorLogDamageTest, MisplacedSegmentsAreReported) {
  std::swap(env_.Contents(Records(1)), env_.Contents(Records(2)));
  const auto outcome = Inspect(env_, "swapped segments");
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->intact);
  Heal(env_, "swapped segments");
}

TEST_F(AcceptorLogDamageTest, AMisdirectedWriteIsReported) {
  // A batch of the log that landed, whole, where another one belongs.
  std::string& records = env_.Contents(Records(1));
  const std::string batch = records.substr(kSegmentHeaderBytes, 1024);
  records.replace(kSegmentHeaderBytes + 1024, 1024, batch);
  const auto outcome = Inspect(env_, "misdirected write");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->unknown, 1);
}

}  // namespace
}  // namespace synod::storage
