#include "services/storage/record_codec.h"

#include <xxhash.h>

#include <initializer_list>
#include <limits>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"

namespace synod::storage {
namespace {

constexpr uint64_t kSegmentMagic = 0x474f4c444f4e5953;  // "SYNODLOG"
constexpr uint32_t kBatchMagic = 0x424e5953;            // "SYNB"
constexpr size_t kChecksumBytes = 8;

// One seed per purpose and place.
uint64_t Seed(std::initializer_list<uint64_t> parts) {
  return XXH3_64bits(parts.begin(), parts.size() * sizeof(uint64_t));
}

enum Purpose : uint64_t { kHeaderSeed = 1, kBatchSeed, kValueSeed, kIdentifierSeed };

uint64_t PlaceSeed(Purpose purpose, const SegmentIdentity& segment, uint64_t place) {
  return Seed({purpose, segment.cluster.value(), segment.node.value(), segment.id, place});
}

uint64_t ValueChecksum(const SegmentIdentity& segment, const RecordDescriptor& record,
                       absl::string_view value) {
  const RecordKey& key = record.key;
  const uint64_t seed =
      Seed({kValueSeed, segment.cluster.value(), segment.node.value(), segment.id, record.offset,
            record.length, static_cast<uint64_t>(key.kind), key.group.value(), key.slot.value(),
            key.ballot.round, key.ballot.node.value()});
  return XXH3_64bits_withSeed(value.data(), value.size(), seed);
}

uint64_t Checksum(absl::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// Appends the checksum of all of `out`.
void Seal(std::string& out, uint64_t seed) {
  AppendFixed(out, Checksum(out, seed));
}

// The bytes before the checksum that ends `sealed`, or nothing when it does not match.
std::optional<absl::string_view> Unseal(absl::string_view sealed, uint64_t seed) {
  if (sealed.size() < kChecksumBytes) return std::nullopt;
  const absl::string_view body = sealed.substr(0, sealed.size() - kChecksumBytes);
  ByteReader reader(sealed.substr(body.size()));
  if (reader.Fixed<uint64_t>() != Checksum(body, seed)) return std::nullopt;
  return body;
}

void AppendDescriptor(std::string& out, const RecordDescriptor& record) {
  AppendFixed(out, static_cast<uint64_t>(record.key.kind));
  AppendFixed(out, record.key.group.value());
  AppendFixed(out, record.key.slot.value());
  AppendFixed(out, record.key.ballot.round);
  AppendFixed(out, record.key.ballot.node.value());
  AppendFixed(out, record.chosen_through.value());
  AppendFixed(out, record.offset);
  AppendFixed(out, record.length);
  AppendFixed(out, record.checksum);
}

RecordDescriptor ReadDescriptor(ByteReader& reader) {
  RecordDescriptor record;
  record.key.kind = static_cast<RecordKind>(reader.Fixed<uint64_t>());
  record.key.group = GroupId(reader.Fixed<uint64_t>());
  record.key.slot = Slot(reader.Fixed<uint64_t>());
  record.key.ballot.round = reader.Fixed<uint64_t>();
  record.key.ballot.node = NodeId(reader.Fixed<uint64_t>());
  record.chosen_through = Slot(reader.Fixed<uint64_t>());
  record.offset = reader.Fixed<uint32_t>();
  record.length = reader.Fixed<uint32_t>();
  record.checksum = reader.Fixed<uint64_t>();
  return record;
}

// The checksum of head and descriptors comes first in the head; it covers all that follows it.
uint64_t HeadChecksum(const SegmentIdentity& segment, uint64_t offset, absl::string_view batch,
                      size_t records) {
  const size_t end = kBatchHeadBytes + records * kDescriptorBytes;
  return Checksum(batch.substr(kChecksumBytes, end - kChecksumBytes),
                  PlaceSeed(kBatchSeed, segment, offset));
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentIdentity& segment, uint64_t segment_bytes) {
  std::string header;
  AppendFixed(header, kSegmentMagic);
  AppendFixed(header, kSegmentFormat);
  AppendFixed(header, segment.id);
  AppendFixed(header, segment.cluster.value());
  AppendFixed(header, segment.node.value());
  AppendFixed(header, segment_bytes);
  header.resize(kSectorBytes - kChecksumBytes);
  Seal(header, PlaceSeed(kHeaderSeed, segment, 0));
  return header;
}

std::optional<uint64_t> DecodeSegmentHeader(const SegmentIdentity& segment,
                                            absl::string_view bytes) {
  ByteReader reader(bytes);
  for (int field = 0; field < 5; ++field) reader.Fixed<uint64_t>();
  const auto size = reader.Fixed<uint64_t>();
  if (bytes.substr(0, kSectorBytes) != EncodeSegmentHeader(segment, size)) return std::nullopt;
  return size;
}

EncodedBatch EncodeBatch(const SegmentIdentity& segment, uint64_t offset, uint64_t sequence,
                         absl::Span<const LogRecord> records) {
  const size_t values_at = kBatchHeadBytes + records.size() * kDescriptorBytes;
  size_t size = values_at;
  for (const LogRecord& record : records) size += record.value.bytes().size();
  SYNOD_CHECK(offset + size <= std::numeric_limits<uint32_t>::max());

  EncodedBatch batch;
  batch.head.sequence = sequence;
  batch.head.bytes = static_cast<uint32_t>(size);
  batch.head.records.reserve(records.size());
  uint64_t value_offset = offset + values_at;
  for (const LogRecord& record : records) {
    const absl::string_view value = record.value.bytes();
    RecordDescriptor descriptor{record.key, record.chosen_through,
                                static_cast<uint32_t>(value_offset),
                                static_cast<uint32_t>(value.size()), 0};
    descriptor.checksum = ValueChecksum(segment, descriptor, value);
    batch.head.records.push_back(descriptor);
    value_offset += value.size();
  }

  std::string& out = batch.bytes;
  out.reserve(RoundUpToSector(size));
  AppendFixed<uint64_t>(out, 0);  // the checksum's place
  AppendFixed(out, kBatchMagic);
  AppendFixed(out, static_cast<uint32_t>(records.size()));
  AppendFixed(out, sequence);
  AppendFixed(out, batch.head.bytes);
  AppendFixed<uint32_t>(out, 0);
  for (const RecordDescriptor& descriptor : batch.head.records) AppendDescriptor(out, descriptor);
  std::string checksum;
  AppendFixed(checksum, HeadChecksum(segment, offset, out, records.size()));
  out.replace(0, kChecksumBytes, checksum);
  for (const LogRecord& record : records) {
    const absl::string_view value = record.value.bytes();
    out.append(value.data(), value.size());
  }
  out.resize(RoundUpToSector(size));
  return batch;
}

std::optional<BatchHead> DecodeBatchHead(const SegmentIdentity& segment, uint64_t offset,
                                         absl::string_view segment_bytes) {
  if (offset >= segment_bytes.size()) return std::nullopt;
  const absl::string_view batch = segment_bytes.substr(offset);
  ByteReader reader(batch);
  const auto checksum = reader.Fixed<uint64_t>();
  if (reader.Fixed<uint32_t>() != kBatchMagic) return std::nullopt;
  const auto count = reader.Fixed<uint32_t>();
  BatchHead head;
  head.sequence = reader.Fixed<uint64_t>();
  head.bytes = reader.Fixed<uint32_t>();
  reader.Fixed<uint32_t>();
  if (!reader.ok() || head.bytes > batch.size() ||
      kBatchHeadBytes + uint64_t{count} * kDescriptorBytes > head.bytes ||
      checksum != HeadChecksum(segment, offset, batch, count)) {
    return std::nullopt;
  }
  head.records.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const RecordDescriptor& record = head.records.emplace_back(ReadDescriptor(reader));
    if (record.offset < offset || uint64_t{record.offset} + record.length > offset + head.bytes) {
      return std::nullopt;
    }
  }
  return head;
}

bool ValueIntact(const SegmentIdentity& segment, const RecordDescriptor& record,
                 absl::string_view value) {
  return value.size() == record.length && record.checksum == ValueChecksum(segment, record, value);
}

std::string EncodeIdentifier(const SegmentIdentity& segment, uint64_t ordinal,
                             const RecordIdentifier& identifier) {
  std::string out;
  AppendFixed(out, identifier.sequence);
  AppendFixed<uint64_t>(out, identifier.batch_offset);
  AppendDescriptor(out, identifier.record);
  Seal(out, PlaceSeed(kIdentifierSeed, segment, ordinal));
  return out;
}

std::optional<RecordIdentifier> DecodeIdentifier(const SegmentIdentity& segment, uint64_t ordinal,
                                                 absl::string_view bytes) {
  const auto body = Unseal(bytes, PlaceSeed(kIdentifierSeed, segment, ordinal));
  if (!body || body->size() != kIdentifierBytes - kChecksumBytes) return std::nullopt;
  ByteReader reader(*body);
  RecordIdentifier identifier;
  identifier.sequence = reader.Fixed<uint64_t>();
  identifier.batch_offset = static_cast<uint32_t>(reader.Fixed<uint64_t>());
  identifier.record = ReadDescriptor(reader);
  return identifier;
}

}  // namespace synod::storage
