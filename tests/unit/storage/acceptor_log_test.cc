#include "services/storage/acceptor_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/bytes.h"
#include "services/storage/log_files.h"
#include "services/storage/manifest_codec.h"
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
  options.new_instance = 0x1257;
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
  identity.replace(identity.find("format 2"), 8, "format 3");
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
    const auto log = AcceptorLog::Open(image.get(), Options());
    if (path == IdentityPath("log")) {
      EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss) << path;
      continue;
    }
    ASSERT_TRUE(log.ok()) << path << ": " << log.status();
    EXPECT_EQ((*log)->State(kGroup).promised, (paxos::Ballot{1, NodeId(1)})) << path;
    const bool manifest = path == ManifestPath("log", 'a') || path == ManifestPath("log", 'b');
    const bool reserve = path == RecordsPath("log", 3) || path == IdentifiersPath("log", 3);
    EXPECT_EQ((*log)->damage().empty(), manifest || reserve) << path;
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

TEST_F(AcceptorLogTest, AFoundedLogKnowsTheOthersInstancesForEver) {
  Open();
  EXPECT_EQ(log_->instance(), 0x1257);
  EXPECT_FALSE(log_->State(kGroup).founded);
  ASSERT_TRUE(log_->Append({{kGroup, paxos::FoundedRecord{{{NodeId(1), 5}}}}}).ok());
  EXPECT_FALSE(log_->State(kGroup).founded) << "not before the sync";
  Write({{kGroup, paxos::FoundedRecord{{{NodeId(8), 17}, {NodeId(9), 18}}}}});
  const std::map<NodeId, uint64_t> instances = {{NodeId(8), 17}, {NodeId(9), 18}};
  EXPECT_EQ(log_->State(kGroup).instances, instances) << "the newest record's";
  log_.reset();
  AcceptorLogOptions other_life = Options();
  other_life.new_instance = 99;
  log_ = AcceptorLog::Open(&env_, other_life).value();
  EXPECT_EQ(log_->instance(), 0x1257) << "drawn once, when the directory was made";
  EXPECT_TRUE(log_->State(kGroup).founded);
  EXPECT_EQ(log_->State(kGroup).instances, instances);
  EXPECT_FALSE(log_->State(GroupId(2)).founded);
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

// The bytes of format 1, which had neither instances nor founding.
std::string ManifestOfFormat1(const ManifestState& state, const LogIdentity& identity,
                              size_t copy) {
  std::string body;
  AppendFixed<uint64_t>(body, 7);  // generation
  AppendFixed(body, static_cast<uint32_t>(state.segments.size()));
  for (const SegmentManifest& segment : state.segments) {
    AppendFixed(body, segment.id);
    AppendFixed(body, segment.first_sequence);
  }
  AppendFixed(body, static_cast<uint32_t>(state.groups.size()));
  for (const auto& [id, group] : state.groups) {
    AppendFixed(body, id.value());
    AppendFixed(body, group.promised.round);
    AppendFixed(body, group.promised.node.value());
    AppendFixed(body, group.cut_through.value());
  }
  const std::array<uint64_t, 3> place = {identity.cluster.value(), identity.node.value(), copy};
  std::string out = "SYNODMAN";
  AppendFixed(
      out, XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(place.data(), sizeof place)));
  AppendBytes(out, body);
  return out;
}

TEST_F(AcceptorLogTest, ALogOfTheFirstFormatIsBroughtUpToDate) {
  Open();
  WriteSlots(1, 40);
  ASSERT_TRUE(log_->CutThrough(kGroup, Slot(20)).ok());
  log_.reset();
  const LogIdentity identity{Options().cluster, Options().node};
  for (const size_t copy : {0, 1}) {
    std::string& bytes = env_.Contents(ManifestPath("log", copy == 0 ? 'a' : 'b'));
    bytes = ManifestOfFormat1(DecodeManifest(bytes, identity, copy)->state, identity, copy);
    bytes.resize(4096);
  }
  std::string& text = env_.Contents(IdentityPath("log"));
  text = text.substr(0, text.find("checksum"));
  text.replace(text.find("format 2"), 8, "format 1");
  text += absl::StrFormat("checksum %016x\n", XXH3_64bits(text.data(), text.size()));

  // Interrupted at every point, and then once more.
  for (uint64_t point = 1;; ++point) {
    const auto image = env_.Clone();
    image->FailFrom(point);
    const bool finished = AcceptorLog::Open(image.get(), Options()).ok();
    image->KillProcess();
    const auto log = AcceptorLog::Open(image.get(), Options());
    ASSERT_TRUE(log.ok()) << point << ": " << log.status();
    EXPECT_EQ((*log)->instance(), Options().new_instance);
    const GroupLogState state = (*log)->State(kGroup);
    EXPECT_TRUE(state.founded) << "it has promised, so it was voting";
    EXPECT_EQ(state.promised, (paxos::Ballot{1, NodeId(1)}));
    EXPECT_EQ(SlotsOf((*log)->ReadAbove(kGroup, Slot(20))).size(), 20);
    EXPECT_THAT(image->Contents(IdentityPath("log")), HasSubstr("format 2"));
    if (finished) break;
  }
}

TEST_F(AcceptorLogTest, AFullDiskIsReportedWithAWholeSegmentInReserve) {
  Open();
  WriteSlots(1, 20);
  EXPECT_FALSE(log_->short_of_space());
  env_.SetFull(true);
  uint64_t slot = 20;
  const auto write = [&] {
    ++slot;
    if (absl::Status status = log_->Append({{Accepted(1, slot, 1, ValueOf(slot, 4000))}});
        !status.ok()) {
      return status;
    }
    return log_->Sync();
  };
  while (!log_->short_of_space()) ASSERT_TRUE(write().ok());
  const uint64_t first_of_reserve = slot;
  absl::Status status;
  while (status.ok()) status = write();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(slot - first_of_reserve, 13) << "as many as a segment takes";

  // Nobody was told of the last value. It waits, and nothing may overtake it.
  EXPECT_TRUE(absl::IsResourceExhausted(log_->Append({{Accepted(1, 99, 1, ValueOf(99))}})));
  EXPECT_TRUE(absl::IsResourceExhausted(log_->Sync())) << "still full";
  EXPECT_EQ(SlotsOf(log_->ReadAbove(kGroup, Slot())).size(), slot - 1) << "it can be read";
  env_.SetFull(false);
  EXPECT_TRUE(log_->short_of_space());
  ASSERT_TRUE(log_->Sync().ok());
  EXPECT_FALSE(log_->short_of_space());
  ASSERT_TRUE(write().ok());
  Open();
  EXPECT_EQ(SlotsOf(log_->ReadAbove(kGroup, Slot())).size(), slot);
  EXPECT_THAT(log_->damage(), IsEmpty());
}

TEST_F(AcceptorLogTest, OnAFullDiskTheSpaceOfCutSegmentsIsUsedAgain) {
  Open();
  WriteSlots(1, 60);
  env_.SetFull(true);
  for (uint64_t slot = 61; slot <= 300; ++slot) {
    WriteSlots(slot, slot);
    ASSERT_TRUE(log_->CutThrough(kGroup, Slot(slot - 30)).ok());
  }
  EXPECT_FALSE(log_->short_of_space());
}

TEST_F(AcceptorLogTest, ALogOpensOnAFullDiskAndOneThatMustWriteSaysSo) {
  Open();
  WriteSlots(1, 20);
  log_.reset();
  env_.SetFull(true);
  Open();
  EXPECT_TRUE(log_->short_of_space());
  WriteSlots(21, 22);
  log_.reset();
  // Behind a damaged segment a new one has to begin before anything is promised.
  std::string& records = env_.Contents(RecordsPath("log", 2));
  records[records.find("18....") + 20] ^= 1;
  EXPECT_TRUE(absl::IsResourceExhausted(OpenStatus(Options())));
  env_.SetFull(false);
  Open();
  EXPECT_EQ(log_->State(kGroup).unknown.size(), 1);
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
