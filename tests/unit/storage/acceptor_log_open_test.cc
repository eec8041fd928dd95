// Whose directory it is, in which format and how complete; and a disk that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <array>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "common/bytes.h"
#include "services/storage/log_files.h"
#include "services/storage/manifest_codec.h"
#include "tests/unit/storage/open_log.h"

namespace synod::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using AcceptorLogOpenTest = AcceptorLogTest;

TEST_F(AcceptorLogOpenTest, AnotherClustersOrNodesDirectoryIsRefusedAndUntouched) {
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

TEST_F(AcceptorLogOpenTest, TwoOwnersOfOneDirectoryAreRefused) {
  Open();
  EXPECT_EQ(OpenStatus(Options()).code(), absl::StatusCode::kFailedPrecondition);
  log_.reset();
  EXPECT_TRUE(OpenStatus(Options()).ok());
}

TEST_F(AcceptorLogOpenTest, MissingFilesAreNeverTakenForANewLog) {
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

TEST_F(AcceptorLogOpenTest, ABadCopyOfThePromisesIsSurvivedAndRepaired) {
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

TEST_F(AcceptorLogOpenTest, AnOldManifestUnderANewLogIsDataLoss) {
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

TEST_F(AcceptorLogOpenTest, AFoundedLogKnowsTheOthersInstancesForEver) {
  Open();
  EXPECT_EQ(log_->instance(), 0x1257);
  EXPECT_FALSE(log_->State(kGroup).founded);
  Write({{kGroup, paxos::MetRecord{{{NodeId(8), 17}}}}});
  Open();
  EXPECT_FALSE(log_->State(kGroup).founded);
  EXPECT_EQ(log_->State(kGroup).instances, (std::map<NodeId, uint64_t>{{NodeId(8), 17}}));
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

TEST_F(AcceptorLogOpenTest, ALogOfTheFirstFormatIsBroughtUpToDate) {
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

TEST_F(AcceptorLogOpenTest, AFullDiskIsReportedWithAWholeSegmentInReserve) {
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

TEST_F(AcceptorLogOpenTest, OnAFullDiskTheSpaceOfCutSegmentsIsUsedAgain) {
  Open();
  WriteSlots(1, 60);
  env_.SetFull(true);
  for (uint64_t slot = 61; slot <= 300; ++slot) {
    WriteSlots(slot, slot);
    ASSERT_TRUE(log_->CutThrough(kGroup, Slot(slot - 30)).ok());
  }
  EXPECT_FALSE(log_->short_of_space());
}

TEST_F(AcceptorLogOpenTest, ALogOpensOnAFullDiskAndOneThatMustWriteSaysSo) {
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

TEST_F(AcceptorLogOpenTest, BadOptionsAreRefused) {
  AcceptorLogOptions options = Options();
  options.segment_bytes = 1000;
  EXPECT_EQ(OpenStatus(options).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(env_.Paths(), IsEmpty());
}

}  // namespace
}  // namespace synod::storage
