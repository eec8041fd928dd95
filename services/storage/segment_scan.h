// What the bytes of a segment say: every record of it that was acknowledged, intact or only named,
// and where something was acknowledged that cannot even be named. A pure function, so that every
// damage can be tried on it.
//
// How a torn tail is told from damage (the ideas are those of Alagappan et al., "Protocol-Aware
// Recovery for Consensus-Based Storage", FAST 2018, section 3.3; docs/storage.md has the cases):
// batches are written one at a time, each after the sync of the one before. So a batch that cannot
// be read was acknowledged if its identifiers exist, which are written only after its sync, or if
// the head of any later batch exists. Otherwise it is the one whose write a crash cut short.
#ifndef SYNOD_SERVICES_STORAGE_SEGMENT_SCAN_H_
#define SYNOD_SERVICES_STORAGE_SEGMENT_SCAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/storage/record_codec.h"
#include "services/storage/sequence_ranges.h"

namespace synod::storage {

struct ScannedRecord {
  RecordDescriptor descriptor;
  bool intact = false;  // its value can be read
};

// A batch that was acknowledged, or is intact. Its records are known from its head or, when that is
// unreadable, from the identifiers; then perhaps not all of them. Batches of which nothing at all
// is known stand here as one without records.
struct ScannedBatch {
  SequenceRange sequences;
  bool complete = false;  // every record is known
  std::vector<ScannedRecord> records;
};

// Something acknowledged that cannot be read.
struct SegmentDamage {
  uint64_t offset = 0;           // in the file of records
  std::optional<RecordKey> key;  // the first record hit, when it is known
  size_t more = 0;               // records hit besides that one
  std::string reason;
};

struct SegmentScan {
  std::vector<ScannedBatch> batches;  // ascending, without gaps
  std::vector<SegmentDamage> damage;  // empty: the segment is whole and may be written on

  uint64_t next_sequence = 0;  // behind the last batch that was acknowledged or is intact
  uint64_t known_bytes = 0;    // nothing of the batches found lies at or behind this offset

  // For a segment that is whole.
  uint64_t end = 0;         // offset behind the last batch, on a sector
  std::string last_batch;   // bytes of the last batch; empty when there is none
  std::string identifiers;  // of all records of the batches, as they should be on disk
};

// The segment's batches are first_sequence .. end_sequence-1; without an end it is the log's last
// segment. What lies outside of them is ignored: it was never acknowledged.
SegmentScan ScanSegment(const SegmentIdentity& segment, uint64_t first_sequence,
                        std::optional<uint64_t> end_sequence, absl::string_view records,
                        absl::string_view identifiers);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_SCAN_H_
