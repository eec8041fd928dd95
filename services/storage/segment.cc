#include "services/storage/segment.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

constexpr absl::string_view kWhatToDo =
    "nothing was changed; keep the directory, it may hold the only copy of a chosen value; if a "
    "quorum of the other members is healthy, remove this member and add it under a new id with an "
    "empty directory";

std::string Describe(const RecordKey& key) {
  std::ostringstream out;
  out << "slot " << key.slot << " of group " << key.group;
  if (key.kind == RecordKind::kAccepted) out << ", accepted at ballot " << key.ballot;
  if (key.kind == RecordKind::kLearned) out << ", learned";
  return out.str();
}

absl::Status Damaged(const std::string& path, const SegmentDamage& damage) {
  return absl::DataLossError(
      absl::StrCat(path, ": offset ", damage.offset, ": ",
                   damage.key ? Describe(*damage.key) : "a record whose slot is unknown",
                   ", was acknowledged and cannot be read: ", damage.reason, "; ", kWhatToDo));
}

absl::StatusOr<std::unique_ptr<File>> OpenExisting(Env* env, const std::string& path) {
  auto file = env->Open(path);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(
        absl::StrCat(path, ": the file is part of the log and is missing; ", kWhatToDo));
  }
  return file;
}

absl::StatusOr<std::string> ReadWhole(const File& file) {
  const auto size = file.Size();
  if (!size.ok()) return size.status();
  return file.ReadAt(0, *size);
}

}  // namespace

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

absl::StatusOr<std::shared_ptr<Segment>> Segment::Recover(Env* env, const std::string& dir,
                                                          const SegmentIdentity& identity,
                                                          uint64_t first_sequence,
                                                          SegmentScan& scan) {
  const std::string path = RecordsPath(dir, identity.id);
  auto records = OpenExisting(env, path);
  if (!records.ok()) return records.status();
  auto identifiers = OpenExisting(env, IdentifiersPath(dir, identity.id));
  if (!identifiers.ok()) return identifiers.status();
  const auto record_bytes = ReadWhole(**records);
  if (!record_bytes.ok()) return record_bytes.status();
  const auto identifier_bytes = ReadWhole(**identifiers);
  if (!identifier_bytes.ok()) return identifier_bytes.status();

  const uint64_t size = record_bytes->size();
  if (!SegmentHeaderIntact(identity, size,
                           absl::string_view(*record_bytes).substr(0, kSectorBytes))) {
    return absl::DataLossError(absl::StrCat(path,
                                            ": offset 0: the segment's header is damaged or "
                                            "the file has changed its size; ",
                                            kWhatToDo));
  }
  scan = ScanSegment(identity, first_sequence, *record_bytes, *identifier_bytes);
  if (scan.damage) return Damaged(path, *scan.damage);

  auto segment =
      std::make_shared<Segment>(dir, identity, size, *std::move(records), *std::move(identifiers));
  segment->end_ = scan.end;
  for (const ScannedBatch& batch : scan.batches) segment->Count(batch.head.records);
  return segment;
}

size_t Segment::Fitting(absl::Span<const LogRecord> records) const {
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
  Count(batch.head.records);
  return std::move(batch.head.records);
}

absl::Status Segment::SyncIdentifiers() {
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
  auto bytes = records_->ReadAt(record.offset, record.length);
  if (!bytes.ok()) return bytes.status();
  SegmentDamage damage{record.offset, record.key, "the value does not match its checksum"};
  if (!ValueIntact(identity_, record, *bytes)) return Damaged(RecordsPath(dir_, id()), damage);
  auto value = paxos::Value::Parse(*std::move(bytes));
  if (value.ok()) return value;
  damage.reason = std::string(value.status().message());
  return Damaged(RecordsPath(dir_, id()), damage);
}

void Segment::Count(absl::Span<const RecordDescriptor> records) {
  count_ += records.size();
  for (const RecordDescriptor& record : records) {
    Slot& highest = highest_[record.key.group];
    highest = std::max(highest, record.key.slot);
  }
}

}  // namespace synod::storage
