#include "services/storage/segment_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "services/storage/record_codec.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

using ::testing::IsEmpty;

const GroupId kGroup(1);

TEST(SegmentScanTest, ABatchThatSkipsASequenceIsDamageEvenAtTheEnd) {
  const SegmentIdentity segment{ClusterId(1), NodeId(1), 1};
  const LogRecord record{
      {RecordKind::kAccepted, kGroup, Slot(1), {1, NodeId(1)}}, Slot(), ValueOf(1)};
  std::string records(kSegmentHeaderBytes, '\0');
  records += EncodeBatch(segment, records.size(), 7, {record}).bytes;
  EXPECT_THAT(ScanSegment(segment, 7, std::nullopt, records, "").damage, IsEmpty());
  const SegmentScan scan = ScanSegment(segment, 6, std::nullopt, records, "");
  EXPECT_EQ(scan.damage.size(), 1) << "batch 6 was lost";
  ASSERT_EQ(scan.batches.size(), 2);
  EXPECT_EQ(scan.batches[0].sequences, (SequenceRange{6, 7}));
  EXPECT_FALSE(scan.batches[0].complete);
  EXPECT_EQ(ScanSegment(segment, 7, 9, records, "").batches.back().sequences, (SequenceRange{8, 9}))
      << "the next segment begins at 9";
  EXPECT_THAT(ScanSegment(segment, 7, 7, records, "").batches, IsEmpty()) << "never acknowledged";
}

// Which identifiers are missing decides between votes that are known by name and lost ones.
TEST(SegmentScanTest, ABatchWithoutHeadIsCompleteOnlyWithAllItsIdentifiers) {
  const SegmentIdentity segment{ClusterId(1), NodeId(1), 1};
  std::vector<LogRecord> batch;
  for (uint64_t slot = 1; slot <= 3; ++slot) {
    batch.push_back({{RecordKind::kAccepted, kGroup, Slot(slot), {1, NodeId(1)}},
                     Slot(),
                     ValueOf(slot, 64 * slot)});
  }
  const EncodedBatch encoded = EncodeBatch(segment, kSegmentHeaderBytes, 1, batch);
  const std::string records(16 << 10, '\0');
  std::string all;
  for (const RecordDescriptor& record : encoded.head.records) {
    all +=
        EncodeIdentifier(segment, all.size() / kIdentifierBytes, {1, kSegmentHeaderBytes, record});
  }
  for (int lost = -1; lost < 3; ++lost) {
    std::string identifiers = all;
    if (lost >= 0) identifiers[static_cast<size_t>(lost) * kIdentifierBytes + 5] ^= 1;
    const SegmentScan scan = ScanSegment(segment, 1, std::nullopt, records, identifiers);
    ASSERT_EQ(scan.batches.size(), 1);
    EXPECT_EQ(scan.batches[0].complete, lost < 0) << lost;
    EXPECT_EQ(scan.batches[0].records.size(), lost < 0 ? 3 : 2) << lost;
  }
}

}  // namespace
}  // namespace synod::storage
