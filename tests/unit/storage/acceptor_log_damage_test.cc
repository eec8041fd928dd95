// Every byte of an acknowledged log, flipped: the damage is harmless or reported, and never
// silently loses what was acknowledged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/log_files.h"
#include "services/storage/record_codec.h"
#include "services/storage/segment_scan.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

using ::testing::HasSubstr;

const GroupId kGroup(1);

AcceptorLogOptions Options() {
  AcceptorLogOptions options;
  options.dir = "log";
  options.cluster = ClusterId(1);
  options.node = NodeId(1);
  options.segment_bytes = 16 << 10;
  options.spare_segments = 0;
  return options;
}

class AcceptorLogDamageTest : public testing::Test {
 protected:
  // Two segments with several batches each; the last batch is a large one.
  AcceptorLogDamageTest() {
    auto log = AcceptorLog::Open(&env_, Options()).value();
    Write(*log, Promise(1, 3));
    for (uint64_t slot = 1; slot <= 16; ++slot) {
      Write(*log, Accepted(1, slot, 3, ValueOf(slot, 900)));
    }
    Write(*log, Accepted(1, 17, 3, ValueOf(17, 2000)));
  }

  void Write(AcceptorLog& log, const paxos::Record& record) {
    twin_.records.push_back(record);
    EXPECT_TRUE(log.Append({record}).ok());
    EXPECT_TRUE(log.Sync().ok());
  }

  // Whether the log opens with everything acknowledged in it; false when it reports damage.
  // Fails the test when something is missing silently.
  bool OpensWhole(FaultEnv& env, const std::string& what) {
    const auto log = AcceptorLog::Open(&env, Options());
    if (!log.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(log.status()) || absl::IsFailedPrecondition(log.status()))
          << what << ": " << log.status();
      return false;
    }
    EXPECT_TRUE(twin_.Matches(**log, kGroup, twin_.records.size())) << what;
    EXPECT_EQ((*log)->State(kGroup).promised, (paxos::Ballot{3, NodeId(1)})) << what;
    return true;
  }

  std::string RecordsOfSegment(uint64_t id) { return RecordsPath("log", id); }

  FaultEnv env_;
  LogTwin twin_;
};

TEST_F(AcceptorLogDamageTest, EveryFlippedByteIsHarmlessOrReported) {
  int reported = 0;
  for (const std::string& path : env_.Paths()) {
    const size_t size = env_.Contents(path).size();
    for (size_t at = 0; at < size; ++at) {
      const auto image = env_.Clone();
      image->Contents(path)[at] ^= static_cast<char>(1 << (at % 8));
      reported += !OpensWhole(*image, path + " byte " + std::to_string(at));
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(reported, 17 * 900) << "every byte of every value must be missed";
}

TEST_F(AcceptorLogDamageTest, TheReportNamesFileOffsetSlotAndWhatToDo) {
  std::string& records = env_.Contents(RecordsOfSegment(1));
  const size_t at = records.find("5....");
  ASSERT_NE(at, std::string::npos);
  records[at + 3] ^= 1;
  const absl::Status status = AcceptorLog::Open(&env_, Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr(RecordsOfSegment(1)));
  EXPECT_THAT(message, HasSubstr("offset "));
  EXPECT_THAT(message, HasSubstr("slot 5 of group 1, accepted at ballot 3.1"));
  EXPECT_THAT(message, HasSubstr("add it under a new id"));
}

TEST_F(AcceptorLogDamageTest, ADamagedHeadIsReportedWithItsSlotFromTheIdentifiers) {
  env_.Contents(RecordsOfSegment(1))[kSegmentHeaderBytes + 10] ^= 1;
  const absl::Status status = AcceptorLog::Open(&env_, Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("slot 1 of group 1"));
}

// A power loss may take identifiers that were never synced; the batches then vouch for one another,
// and only the last one cannot be told from a torn tail.
TEST_F(AcceptorLogDamageTest, WithoutIdentifiersOnlyTheLastBatchMayGoUnnoticed) {
  const std::string path = RecordsOfSegment(2);
  std::string& identifiers = env_.Contents(IdentifiersPath("log", 2));
  identifiers.assign(identifiers.size(), '\0');
  LogTwin without_last = twin_;
  without_last.records.pop_back();
  int torn = 0;
  for (size_t at = kSegmentHeaderBytes; at < env_.Contents(path).size(); at += 7) {
    const auto image = env_.Clone();
    image->Contents(path)[at] ^= 1;
    const auto log = AcceptorLog::Open(image.get(), Options());
    if (!log.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(log.status())) << log.status();
      continue;
    }
    if (twin_.Matches(**log, kGroup, twin_.records.size())) continue;
    EXPECT_TRUE(without_last.Matches(**log, kGroup, without_last.records.size())) << at;
    ++torn;
  }
  EXPECT_GT(torn, 0);
}

TEST_F(AcceptorLogDamageTest, ATornTailIsDroppedAndWrittenOverThereafter) {
  {
    auto log = AcceptorLog::Open(&env_, Options()).value();
    env_.FailFrom(2);  // written, not synced
    ASSERT_TRUE(log->Append({{Accepted(1, 18, 3, ValueOf(18, 2000))}}).ok());
    ASSERT_FALSE(log->Sync().ok());
  }
  env_.KillProcess();
  std::string& records = env_.Contents(RecordsOfSegment(2));
  const size_t at = records.find("18....");
  ASSERT_NE(at, std::string::npos);
  records.replace(at + 1000, 512, std::string(512, '\0'));  // a sector that never arrived
  EXPECT_TRUE(OpensWhole(env_, "torn tail"));
  auto log = AcceptorLog::Open(&env_, Options()).value();
  Write(*log, Accepted(1, 18, 4, ValueOf(19, 40)));
  log.reset();
  log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_TRUE(twin_.Matches(*log, kGroup, twin_.records.size()));
}

TEST_F(AcceptorLogDamageTest, AMisplacedSegmentIsReported) {
  std::string& first = env_.Contents(RecordsOfSegment(1));
  std::string& second = env_.Contents(RecordsOfSegment(2));
  const std::string swapped = first;
  first = second;
  second = swapped;
  EXPECT_FALSE(OpensWhole(env_, "swapped segments"));
}

TEST_F(AcceptorLogDamageTest, AMisdirectedWriteIsReported) {
  // A batch of the log that landed, whole, where another one belongs.
  std::string& records = env_.Contents(RecordsOfSegment(1));
  const std::string batch = records.substr(kSegmentHeaderBytes, 1024);
  records.replace(kSegmentHeaderBytes + 1024, 1024, batch);
  EXPECT_FALSE(OpensWhole(env_, "misdirected write"));
}

TEST(SegmentScanTest, ABatchThatSkipsASequenceIsDamageEvenAtTheEnd) {
  const SegmentIdentity segment{ClusterId(1), NodeId(1), 1};
  const LogRecord record{
      {RecordKind::kAccepted, kGroup, Slot(1), {1, NodeId(1)}}, Slot(), ValueOf(1)};
  std::string records(kSegmentHeaderBytes, '\0');
  records += EncodeBatch(segment, records.size(), 7, {record}).bytes;
  EXPECT_FALSE(ScanSegment(segment, 7, records, "").damage);
  EXPECT_TRUE(ScanSegment(segment, 6, records, "").damage) << "batch 6 was lost";
}

TEST_F(AcceptorLogDamageTest, ATruncatedFileIsReported) {
  for (const uint64_t id : {1, 2}) {
    const auto image = env_.Clone();
    image->Contents(RecordsOfSegment(id)).resize(12 << 10);
    EXPECT_FALSE(OpensWhole(*image, "truncated"));
    image->Contents(RecordsOfSegment(id)).clear();
    EXPECT_FALSE(OpensWhole(*image, "empty"));
  }
}

}  // namespace
}  // namespace synod::storage
