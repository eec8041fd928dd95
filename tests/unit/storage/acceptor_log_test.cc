#include "services/storage/acceptor_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/open_log.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(AcceptorLogTest, ANewLogIsEmpty) {
  Open();
  EXPECT_EQ(log_->State(kGroup).promised, paxos::Ballot());
  EXPECT_EQ(log_->State(kGroup).cut_through, Slot());
  EXPECT_THAT(SlotsOf(log_->ReadAbove(kGroup, Slot())), IsEmpty());
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(1), Slot(9), 1000)), IsEmpty());
}

TEST_F(AcceptorLogTest, ReopeningFindsEverythingSynced) {
  Open();
  Write({Promise(1, 5), Accepted(1, 1, 5, ValueOf(10)), Learned(1, 2, ValueOf(20)),
         Accepted(2, 4, 3, ValueOf(30), 1)});
  Open();
  EXPECT_EQ(log_->State(kGroup).promised, (paxos::Ballot{5, NodeId(1)}));
  EXPECT_EQ(log_->State(GroupId(2)).promised, (paxos::Ballot{3, NodeId(1)}));
  EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(2)) << "of the learned record";
  EXPECT_EQ(log_->State(GroupId(2)).chosen_hint, Slot(1)) << "of the accepted one";
  const auto values = log_->ReadValues(kGroup, Slot(1), Slot(9), 1 << 20).value();
  ASSERT_EQ(values.size(), 2);
  EXPECT_EQ(values[0].value, ValueOf(10));
  EXPECT_EQ(values[0].ballot, (paxos::Ballot{5, NodeId(1)}));
  EXPECT_EQ(values[1].value, ValueOf(20));
  EXPECT_EQ(values[1].ballot, paxos::Ballot());
}

TEST_F(AcceptorLogTest, HighestBallotThenNewestThenLearnedWins) {
  Open();
  const auto value = [&] { return log_->ReadValues(kGroup, Slot(1), Slot(1), 1).value()[0].value; };
  Write({Accepted(1, 1, 5, ValueOf(50))});
  Write({Accepted(1, 1, 4, ValueOf(40))});
  EXPECT_EQ(value(), ValueOf(50));
  Write({Accepted(1, 1, 5, ValueOf(51))});
  EXPECT_EQ(value(), ValueOf(51));
  Write({Learned(1, 1, ValueOf(60))});
  Write({Accepted(1, 1, 9, ValueOf(90))});
  EXPECT_EQ(value(), ValueOf(60));
  Open();
  EXPECT_EQ(value(), ValueOf(60));
}

TEST_F(AcceptorLogTest, ALearnedRecordProvesThatItsPrefixIsChosen) {
  Open();
  Write(
      {Accepted(1, 1, 5, ValueOf(10)), Learned(1, 2, ValueOf(20)), Accepted(1, 3, 5, ValueOf(30))});
  EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(2));
  Open();
  EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(2));
}

TEST_F(AcceptorLogTest, AnAcceptedRecordPromisesItsBallot) {
  Open();
  Write({Accepted(1, 1, 8, ValueOf(1))});
  EXPECT_EQ(log_->State(kGroup).promised, (paxos::Ballot{8, NodeId(1)}));
  Write({Promise(1, 6)});
  Open();
  EXPECT_EQ(log_->State(kGroup).promised, (paxos::Ballot{8, NodeId(1)}));
}

TEST_F(AcceptorLogTest, OneSyncHoweverManyRecordsAndGroups) {
  Open();
  Write({Promise(1, 1), Promise(2, 1)});
  const uint64_t before = env_.file_syncs();
  std::vector<paxos::Record> records;
  for (uint64_t slot = 1; slot <= 20; ++slot) {
    records.push_back(Accepted(1 + slot % 2, slot, 1, ValueOf(slot)));
  }
  ASSERT_TRUE(log_->Append(absl::MakeSpan(records).first(10)).ok());
  ASSERT_TRUE(log_->Append(absl::MakeSpan(records).subspan(10)).ok());
  ASSERT_TRUE(log_->Sync().ok());
  EXPECT_EQ(env_.file_syncs(), before + 1);
  ASSERT_TRUE(log_->Sync().ok());
  EXPECT_EQ(env_.file_syncs(), before + 1) << "nothing to do";
}

TEST_F(AcceptorLogTest, ReadValuesStopsAtGapsLimitsAndTheLastSlot) {
  Open();
  for (const uint64_t slot : {1, 2, 3, 5, 6}) Write({Accepted(1, slot, 1, ValueOf(slot, 1000))});
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(1), Slot(9), 1 << 20)), ElementsAre(1, 2, 3));
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(1), Slot(2), 1 << 20)), ElementsAre(1, 2));
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(1), Slot(9), 1)), ElementsAre(1));
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(1), Slot(9), 2500)), ElementsAre(1, 2));
  EXPECT_THAT(SlotsOf(log_->ReadValues(kGroup, Slot(4), Slot(9), 1 << 20)), IsEmpty());
  EXPECT_THAT(SlotsOf(log_->ReadAbove(kGroup, Slot(2))), ElementsAre(3, 5, 6));
}

TEST_F(AcceptorLogTest, CutThroughRecyclesWholeSegmentsAndKeepsTheRest) {
  Open();
  WriteSlots(1, 60);
  const uint64_t full = log_->SizeBytes();
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(40)).ok());
  EXPECT_LT(log_->SizeBytes(), full / 2);
  EXPECT_EQ(log_->ReadValues(kGroup, Slot(40), Slot(50), 1).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(SlotsOf(log_->ReadAbove(kGroup, Slot(40))).size(), 20);
  Open();
  EXPECT_EQ(log_->State(kGroup).cut_through, Slot(40));
  EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(40));
  EXPECT_EQ(log_->State(kGroup).promised, (paxos::Ballot{1, NodeId(1)}));
  EXPECT_EQ(SlotsOf(log_->ReadAbove(kGroup, Slot(40))).size(), 20);
}

TEST_F(AcceptorLogTest, ASlowGroupKeepsItsSegments) {
  Open();
  Write({Accepted(2, 1, 1, ValueOf(1))});
  WriteSlots(1, 60);
  const uint64_t full = log_->SizeBytes();
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(60)).ok());
  EXPECT_EQ(log_->SizeBytes(), full);
  ASSERT_TRUE(log_->CutThrough(GroupId(2), Slot(1)).ok());
  EXPECT_LT(log_->SizeBytes(), full);
}

TEST_F(AcceptorLogTest, RecycledSegmentsNeverShowTheirOldRecords) {
  Open();
  for (uint64_t round = 0; round < 8; ++round) {
    WriteSlots(round * 30 + 1, round * 30 + 30);
    ASSERT_TRUE(log_->CutThrough(kGroup, Slot(round * 30 + 29)).ok());
    Open();
    EXPECT_THAT(SlotsOf(log_->ReadAbove(kGroup, Slot(round * 30 + 29))),
                ElementsAre(round * 30 + 30));
  }
  // All that space was used again and again: the last segments and a spare are what there is.
  EXPECT_LE(env_.Paths().size(), 4 + 2 * 4);
}

TEST_F(AcceptorLogTest, ARecycledSegmentUnderAReadIsACutSlotNotDamage) {
  Open();
  WriteSlots(1, 60);
  env_.during_read = [&] {
    ASSERT_TRUE(log_->CutThrough(kGroup, Slot(60)).ok());
    WriteSlots(61, 120);  // into the segments just cut
  };
  EXPECT_EQ(log_->ReadValues(kGroup, Slot(1), Slot(1), 1).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(AcceptorLogTest, AnOversizedValueIsRefusedAndHarmsNothing) {
  Open();
  EXPECT_EQ(log_->Append({{Accepted(1, 1, 1, ValueOf(1, 64 << 10))}}).code(),
            absl::StatusCode::kInvalidArgument);
  Write({Accepted(1, 1, 1, ValueOf(2))});
}

TEST_F(AcceptorLogTest, AfterAFailedSyncEverythingIsRefusedWithTheFirstError) {
  Open();
  Write({Accepted(1, 1, 1, ValueOf(1))});
  env_.FailFrom(2);  // the write succeeds, the sync does not
  ASSERT_TRUE(log_->Append({{Accepted(1, 2, 1, ValueOf(2))}}).ok());
  const absl::Status first = log_->Sync();
  EXPECT_EQ(first.code(), absl::StatusCode::kInternal);
  env_.KillProcess();  // the disk would work again, but what it holds is unknown
  EXPECT_EQ(log_->Append({}), first);
  EXPECT_EQ(log_->Sync(), first);
  EXPECT_EQ(log_->CutThrough(kGroup, Slot(1)), first);
  EXPECT_EQ(log_->ReadValues(kGroup, Slot(1), Slot(1), 1).status(), first);
  EXPECT_EQ(log_->ReadAbove(kGroup, Slot()).status(), first);
}

TEST_F(AcceptorLogTest, ADurableCutIsRememberedEvenIfItFreesNothing) {
  Open();
  WriteSlots(1, 5);
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(3)).ok());
  Open();
  EXPECT_EQ(log_->State(kGroup).cut_through, Slot());
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(3), CutKind::kDurable).ok());
  Open();
  EXPECT_EQ(log_->State(kGroup).cut_through, Slot(3));
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(900), CutKind::kDurable).ok());
  Open();
  EXPECT_EQ(log_->State(kGroup).cut_through, Slot(900)) << "above all records: of a snapshot";
  EXPECT_EQ(log_->State(kGroup).chosen_hint, Slot(900));
}

TEST_F(AcceptorLogTest, SegmentSizeMayChangeBetweenRuns) {
  Open();
  WriteSlots(1, 20);
  log_.reset();
  AcceptorLogOptions larger = Options();
  larger.segment_bytes = 256 << 10;
  log_ = AcceptorLog::Open(&env_, larger).value();
  WriteSlots(21, 60);
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(30)).ok());
  WriteSlots(61, 200);
  Open();
  EXPECT_EQ(SlotsOf(log_->ReadAbove(kGroup, Slot(30))).size(), 170);
}

// On the real filesystem, with the thread that prepares spares.
TEST(AcceptorLogPosixTest, ReadersRunBesideWritingCuttingAndRecycling) {
  testing::TempDir dir;
  AcceptorLogOptions options = Options(dir / "log");
  options.spare_segments = 2;
  auto log = AcceptorLog::Open(Env::Posix(), options).value();
  std::atomic<uint64_t> synced = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const uint64_t last = synced;
        const Slot first(last > 20 ? last - 20 : 1);
        const auto values = log->ReadValues(kGroup, first, Slot(last), 1 << 20);
        if (!values.ok()) {
          EXPECT_EQ(values.status().code(), absl::StatusCode::kOutOfRange) << values.status();
          continue;
        }
        for (const auto& value : *values) {
          EXPECT_EQ(value.value, ValueOf(value.slot.value(), 2000));
        }
      }
    });
  }
  for (uint64_t slot = 1; slot <= 600; ++slot) {
    ASSERT_TRUE(log->Append({{Accepted(1, slot, 1, ValueOf(slot, 2000))}}).ok());
    ASSERT_TRUE(log->Sync().ok());
    synced = slot;
    if (slot % 16 == 0) {
      ASSERT_TRUE(log->CutThrough(kGroup, Slot(slot - 8)).ok());
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  log.reset();
  log = AcceptorLog::Open(Env::Posix(), options).value();
  EXPECT_EQ(SlotsOf(log->ReadAbove(kGroup, Slot(592))).size(), 8);
}

}  // namespace
}  // namespace synod::storage
