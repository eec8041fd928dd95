// The bytes of a log segment: batches of records, and the identifiers kept apart from them. Pure
// functions over byte strings; the layout is specified in docs/storage.md.
//
// Every checksum is XXH3-64 seeded with what the bytes claim to be (cluster, node, segment, offset,
// and for values also kind, group, slot and ballot), so bytes in the wrong place never verify: not
// in another file, not at another offset, not in a recycled segment's next life.
#ifndef SYNOD_SERVICES_STORAGE_RECORD_CODEC_H_
#define SYNOD_SERVICES_STORAGE_RECORD_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/value.h"

namespace synod::storage {

inline constexpr uint64_t kSegmentFormat = 1;
inline constexpr uint64_t kMaxSegmentBytes = 1 << 30;  // offsets within a segment are 32 bits
inline constexpr size_t kSectorBytes = 512;            // batches start on these
inline constexpr size_t kSegmentHeaderBytes = 4096;    // before the first batch
inline constexpr size_t kBatchHeadBytes = 32;
inline constexpr size_t kDescriptorBytes = 64;
inline constexpr size_t kIdentifierBytes = 88;

// What a segment's checksums are bound to. Ids are never used twice in one log.
struct SegmentIdentity {
  ClusterId cluster;
  NodeId node;
  uint64_t id = 0;
};

enum class RecordKind : uint8_t { kAccepted = 1, kLearned = 2 };

// What a record is about; learned records have no ballot.
struct RecordKey {
  RecordKind kind = RecordKind::kAccepted;
  GroupId group;
  Slot slot;
  paxos::Ballot ballot;

  friend bool operator==(const RecordKey&, const RecordKey&) = default;
};

struct LogRecord {
  RecordKey key;
  Slot chosen_through;
  paxos::Value value;
};

// A record without its value, and where in the segment the value lies.
struct RecordDescriptor {
  RecordKey key;
  Slot chosen_through;
  uint32_t offset = 0;
  uint32_t length = 0;
  uint64_t checksum = 0;  // of the value

  friend bool operator==(const RecordDescriptor&, const RecordDescriptor&) = default;
};

struct BatchHead {
  uint64_t sequence = 0;  // consecutive over the whole log
  uint32_t bytes = 0;     // head, descriptors and values, without the padding
  std::vector<RecordDescriptor> records;
};

// A record's identifier: written only after the sync that made the record durable.
struct RecordIdentifier {
  uint64_t sequence = 0;
  uint32_t batch_offset = 0;
  RecordDescriptor record;

  friend bool operator==(const RecordIdentifier&, const RecordIdentifier&) = default;
};

constexpr uint64_t RoundUpToSector(uint64_t bytes) {
  return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

// Exactly kSectorBytes.
std::string EncodeSegmentHeader(const SegmentIdentity& segment, uint64_t segment_bytes);

// The segment's size when `bytes` begin with its header.
std::optional<uint64_t> DecodeSegmentHeader(const SegmentIdentity& segment,
                                            absl::string_view bytes);

struct EncodedBatch {
  std::string bytes;  // padded to a sector
  BatchHead head;
};

// Precondition: the batch fits into 4 GiB from `offset`.
EncodedBatch EncodeBatch(const SegmentIdentity& segment, uint64_t offset, uint64_t sequence,
                         absl::Span<const LogRecord> records);

// The head and descriptors of the batch at `offset` of the segment's bytes, or nothing when no
// intact one starts there. The values are not looked at, but do lie inside the segment.
std::optional<BatchHead> DecodeBatchHead(const SegmentIdentity& segment, uint64_t offset,
                                         absl::string_view segment_bytes);

// Whether `value` is what the descriptor's record holds.
bool ValueIntact(const SegmentIdentity& segment, const RecordDescriptor& record,
                 absl::string_view value);

// `ordinal` counts the records of the segment from 0; the identifier lies at that place.
std::string EncodeIdentifier(const SegmentIdentity& segment, uint64_t ordinal,
                             const RecordIdentifier& identifier);
std::optional<RecordIdentifier> DecodeIdentifier(const SegmentIdentity& segment, uint64_t ordinal,
                                                 absl::string_view bytes);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_RECORD_CODEC_H_
