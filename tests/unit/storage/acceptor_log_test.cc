#include "services/storage/acceptor_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/storage/log_files.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const GroupId kGroup(1);

AcceptorLogOptions Options(const std::string& dir = "log") {
  AcceptorLogOptions options;
  options.dir = dir;
  options.cluster = ClusterId(0xc1);
  options.node = NodeId(7);
  options.segment_bytes = 64 << 10;
  options.spare_segments = 0;
  return options;
}

std::vector<uint64_t> SlotsOf(const absl::StatusOr<std::vector<paxos::AcceptedValue>>& values) {
  std::vector<uint64_t> slots;
  EXPECT_TRUE(values.ok()) << values.status();
  for (const auto& value : *values) slots.push_back(value.slot.value());
  return slots;
}

class AcceptorLogTest : public ::testing::Test {
 protected:
  void Open() {
    log_.reset();
    auto log = AcceptorLog::Open(&env_, Options());
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  void Write(const std::vector<paxos::Record>& records) {
    ASSERT_TRUE(log_->Append(records).ok());
    ASSERT_TRUE(log_->Sync().ok());
  }
  // Fills slots first..last with values of 4 KiB: a dozen to a segment.
  void WriteSlots(uint64_t first, uint64_t last, uint64_t group = 1) {
    for (uint64_t slot = first; slot <= last; ++slot) {
      Write({Accepted(group, slot, 1, ValueOf(slot, 4000))});
    }
  }
  absl::Status OpenStatus(const AcceptorLogOptions& options) {
    return AcceptorLog::Open(&env_, options).status();
  }

  FaultEnv env_;
  std::unique_ptr<AcceptorLog> log_;
};

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

TEST_F(AcceptorLogTest, AnotherClustersOrNodesDirectoryIsRefusedAndUntouched) {
  Open();
  Write({Accepted(1, 1, 1, ValueOf(1))});
  log_.reset();
  env_.FailFrom(1);  // any change would be an Internal error
  AcceptorLogOptions other = Options();
  other.cluster = ClusterId(0xc2);
  absl::Status status = OpenStatus(other);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 7 of cluster c1"));
  other = Options();
  other.node = NodeId(8);
  EXPECT_EQ(OpenStatus(other).code(), absl::StatusCode::kFailedPrecondition);
  std::string& identity = env_.Contents(IdentityPath("log"));
  identity.replace(identity.find("format 1"), 8, "format 2");
  status = OpenStatus(Options());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("run the newer program"));
  EXPECT_EQ(env_.operations(), 0);
}

TEST_F(AcceptorLogTest, TwoOwnersOfOneDirectoryAreRefused) {
  Open();
  EXPECT_EQ(OpenStatus(Options()).code(), absl::StatusCode::kFailedPrecondition);
  log_.reset();
  EXPECT_TRUE(OpenStatus(Options()).ok());
}

TEST_F(AcceptorLogTest, MissingFilesAreNeverTakenForANewLog) {
  Open();
  WriteSlots(1, 20);
  log_.reset();
  for (const std::string& path : env_.Paths()) {
    const auto image = env_.Clone();
    ASSERT_TRUE(image->Remove(path).ok());
    const absl::Status status = AcceptorLog::Open(image.get(), Options()).status();
    if (path == ManifestPath("log", 'a') || path == ManifestPath("log", 'b')) {
      EXPECT_TRUE(status.ok()) << "the other copy is enough: " << status;
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << path;
    }
  }
}

TEST_F(AcceptorLogTest, ABadCopyOfThePromisesIsSurvivedAndRepaired) {
  Open();
  Write({Promise(1, 9)});
  log_.reset();
  for (const char bad : {'a', 'b'}) {
    env_.Contents(ManifestPath("log", bad)).assign(4096, 'x');
    Open();
    EXPECT_EQ(log_->State(kGroup).promised, (paxos::Ballot{9, NodeId(1)})) << bad;
  }
  log_.reset();
  for (const char bad : {'a', 'b'}) env_.Contents(ManifestPath("log", bad))[30] ^= 1;
  const absl::Status status = OpenStatus(Options());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("must not vote again"));
}

TEST_F(AcceptorLogTest, AnOldManifestUnderANewLogIsDataLoss) {
  Open();
  Write({Promise(1, 1)});
  log_.reset();
  const std::string a = env_.Contents(ManifestPath("log", 'a'));
  const std::string b = env_.Contents(ManifestPath("log", 'b'));
  Open();
  Write({Accepted(1, 1, 5, ValueOf(1))});
  log_.reset();
  env_.Contents(ManifestPath("log", 'a')) = a;
  env_.Contents(ManifestPath("log", 'b')) = b;
  EXPECT_EQ(OpenStatus(Options()).code(), absl::StatusCode::kDataLoss);
}

TEST_F(AcceptorLogTest, BadOptionsAreRefused) {
  AcceptorLogOptions options = Options();
  options.segment_bytes = 1000;
  EXPECT_EQ(OpenStatus(options).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(env_.Paths(), IsEmpty());
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
