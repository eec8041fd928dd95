// What the bytes of a segment say: the intact batches from its start, and whether anything that was
// acknowledged lies beyond them. A pure function, so that every damage can be tried on it.
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

namespace synod::storage {

struct ScannedBatch {
  uint64_t offset = 0;
  BatchHead head;
};

// Something acknowledged that cannot be read.
struct SegmentDamage {
  uint64_t offset = 0;           // in the file of records
  std::optional<RecordKey> key;  // the first record hit, when its identifier is known
  std::string reason;
};

struct SegmentScan {
  std::vector<ScannedBatch> batches;
  uint64_t end = 0;            // offset behind the last intact batch, on a sector
  uint64_t next_sequence = 0;  // of the batch to be written there
  std::optional<SegmentDamage> damage;
  std::string last_batch;   // bytes of the last batch; empty when there is none
  std::string identifiers;  // of all records of the batches, as they should be on disk
};

SegmentScan ScanSegment(const SegmentIdentity& segment, uint64_t first_sequence,
                        absl::string_view records, absl::string_view identifiers);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_SCAN_H_
