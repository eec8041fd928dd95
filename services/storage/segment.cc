#include "services/storage/segment.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "services/storage/log_files.h"
#include "services/storage/tolerant_read.h"

namespace synod::storage {
namespace {

absl::Status Unreadable(const std::string& path, const RecordDescriptor& record,
                        absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(path, ": offset ", record.offset, ": ",
                                          Describe(record.key), ", cannot be read: ", reason));
}

}  // namespace

std::string Describe(const RecordKey& key) {
  std::ostringstream out;
  out << "slot " << key.slot << " of group " << key.group;
  if (key.kind == RecordKind::kAccepted) out << ", accepted at ballot " << key.ballot;
  if (key.kind == RecordKind::kLearned) out << ", learned";
  return out.str();
}

uint64_t MaxValueBytes(uint64_t segment_bytes) {
  return segment_bytes - kSegmentHeaderBytes - kBatchHeadBytes - kDescriptorBytes;
}

Segment::Segment(std::string dir, SegmentIdentity identity, uint64_t bytes,
                 std::unique_ptr<File> records, std::unique_ptr<File> identifiers)
    : dir_(std::move(dir)),
      identity_(identity),
      bytes_(bytes),
      records_(std::move(records)),
      identifiers_(std::move(identifiers)) {}

void Segment::Restore(const SegmentScan& scan, bool damaged) {
  end_ = scan.end;
  damaged_ = damaged;
  for (const ScannedBatch& batch : scan.batches) {
    for (const ScannedRecord& record : batch.records) Count(record.descriptor);
  }
}

size_t Segment::Fitting(absl::Span<const LogRecord> records) const {
  if (damaged_) return 0;
  const uint64_t identifiers_left = IdentifiersBytes(bytes_) / kIdentifierBytes - count_;
  uint64_t need = kBatchHeadBytes;
  size_t fitting = 0;
  while (fitting < std::min<uint64_t>(records.size(), identifiers_left)) {
    need += kDescriptorBytes + records[fitting].value.bytes().size();
    if (end_ + need > bytes_) break;
    ++fitting;
  }
  return fitting;
}

absl::StatusOr<std::vector<RecordDescriptor>> Segment::WriteBatch(
    uint64_t sequence, absl::Span<const LogRecord> records) {
  EncodedBatch batch = EncodeBatch(identity_, end_, sequence, records);
  SYNOD_CHECK(end_ + batch.bytes.size() <= bytes_) << "segment=" << identity_.id;
  if (absl::Status status = records_->WriteAt(end_, batch.bytes); !status.ok()) return status;
  if (absl::Status status = records_->Sync(); !status.ok()) return status;

  std::string identifiers;
  identifiers.reserve(records.size() * kIdentifierBytes);
  uint64_t ordinal = count_;
  for (const RecordDescriptor& record : batch.head.records) {
    identifiers +=
        EncodeIdentifier(identity_, ordinal++, {sequence, static_cast<uint32_t>(end_), record});
  }
  if (absl::Status status = identifiers_->WriteAt(count_ * kIdentifierBytes, identifiers);
      !status.ok()) {
    return status;
  }
  end_ += batch.bytes.size();
  for (const RecordDescriptor& record : batch.head.records) Count(record);
  return std::move(batch.head.records);
}

absl::Status Segment::SyncIdentifiers() {
  if (damaged_) return absl::OkStatus();
  return identifiers_->Sync();
}

absl::Status Segment::SecureTail(const SegmentScan& scan) {
  if (!scan.last_batch.empty()) {
    const uint64_t offset = scan.end - scan.last_batch.size();
    if (absl::Status status = records_->WriteAt(offset, scan.last_batch); !status.ok()) {
      return status;
    }
    if (absl::Status status = records_->Sync(); !status.ok()) return status;
  }
  if (absl::Status status = identifiers_->WriteAt(0, scan.identifiers); !status.ok()) return status;
  return identifiers_->Sync();
}

absl::StatusOr<paxos::Value> Segment::ReadValue(const RecordDescriptor& record) const {
  const std::string path = RecordsPath(dir_, id());
  // As the scan at the start did: zeros in a sector that cannot be read may be what stood there.
  TolerantRead read = ReadTolerantly(*records_, record.offset, record.length);
  if (!ValueIntact(identity_, record, read.bytes)) {
    return Unreadable(
        path, record,
        read.unreadable.empty() ? "the value does not match its checksum" : "input/output error");
  }
  auto value = paxos::Value::Parse(std::move(read.bytes));
  if (!value.ok()) return Unreadable(path, record, value.status().message());
  return value;
}

void Segment::Count(const RecordDescriptor& record) {
  ++count_;
  Slot& highest = highest_[record.key.group];
  highest = std::max(highest, record.key.slot);
}

}  // namespace synod::storage
