#include "services/storage/segment_scan.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::storage {
namespace {

// Why taking in batches ended. Unless something acknowledged turns up beyond this place, it is the
// end of the log or a torn tail.
struct Stop {
  uint64_t offset = 0;
  std::optional<RecordKey> key;
  std::string reason;
  bool damage = false;  // no crash leaves this behind, whatever lies beyond
};

std::optional<RecordDescriptor> FirstBadValue(const SegmentIdentity& segment, const BatchHead& head,
                                              absl::string_view records) {
  for (const RecordDescriptor& record : head.records) {
    if (!ValueIntact(segment, record, records.substr(record.offset, record.length))) return record;
  }
  return std::nullopt;
}

// Takes in intact batches until the first one that is not.
Stop TakeBatches(const SegmentIdentity& segment, absl::string_view records, SegmentScan& scan) {
  while (true) {
    auto head = DecodeBatchHead(segment, scan.end, records);
    if (!head) return {scan.end, std::nullopt, "no intact batch starts here", false};
    if (head->sequence != scan.next_sequence) {
      return {scan.end, std::nullopt,
              absl::StrCat("batch ", head->sequence, " stands where batch ", scan.next_sequence,
                           " belongs"),
              true};
    }
    if (const auto bad = FirstBadValue(segment, *head, records)) {
      return {bad->offset, bad->key, "the value does not match its checksum", false};
    }
    uint64_t ordinal = scan.identifiers.size() / kIdentifierBytes;
    for (const RecordDescriptor& record : head->records) {
      scan.identifiers += EncodeIdentifier(
          segment, ordinal++, {head->sequence, static_cast<uint32_t>(scan.end), record});
    }
    const uint64_t size = RoundUpToSector(head->bytes);
    scan.batches.push_back({scan.end, *std::move(head)});
    scan.end += size;
    ++scan.next_sequence;
  }
}

// The first identifier that says more than the intact batches do.
std::optional<RecordIdentifier> IdentifierBeyond(const SegmentIdentity& segment,
                                                 const SegmentScan& scan,
                                                 absl::string_view identifiers) {
  for (uint64_t at = 0; at + kIdentifierBytes <= identifiers.size(); at += kIdentifierBytes) {
    const absl::string_view found = identifiers.substr(at, kIdentifierBytes);
    const bool known =
        at < scan.identifiers.size() && found == scan.identifiers.substr(at, kIdentifierBytes);
    if (known) continue;
    if (auto beyond = DecodeIdentifier(segment, at / kIdentifierBytes, found)) return beyond;
  }
  return std::nullopt;
}

std::optional<uint64_t> HeadBeyond(const SegmentIdentity& segment, uint64_t after,
                                   absl::string_view records) {
  for (uint64_t at = after + kSectorBytes; at < records.size(); at += kSectorBytes) {
    if (DecodeBatchHead(segment, at, records)) return at;
  }
  return std::nullopt;
}

}  // namespace

SegmentScan ScanSegment(const SegmentIdentity& segment, uint64_t first_sequence,
                        absl::string_view records, absl::string_view identifiers) {
  SegmentScan scan;
  scan.end = kSegmentHeaderBytes;
  scan.next_sequence = first_sequence;
  const Stop stop = TakeBatches(segment, records, scan);
  if (!scan.batches.empty()) {
    const uint64_t last = scan.batches.back().offset;
    scan.last_batch = std::string(records.substr(last, scan.end - last));
  }

  if (const auto beyond = IdentifierBeyond(segment, scan, identifiers)) {
    const bool located = stop.key.has_value();
    scan.damage = SegmentDamage{located ? stop.offset : beyond->record.offset,
                                located ? *stop.key : beyond->record.key, stop.reason};
  } else if (const auto later = HeadBeyond(segment, scan.end, records)) {
    scan.damage =
        SegmentDamage{stop.offset, stop.key,
                      absl::StrCat(stop.reason, ", yet a later batch starts at offset ", *later)};
  } else if (stop.damage) {
    scan.damage = SegmentDamage{stop.offset, stop.key, stop.reason};
  }
  return scan;
}

}  // namespace synod::storage
