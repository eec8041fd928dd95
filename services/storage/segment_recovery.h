// Opening one segment of the acceptor log, in whatever state its files are.
#ifndef SYNOD_SERVICES_STORAGE_SEGMENT_RECOVERY_H_
#define SYNOD_SERVICES_STORAGE_SEGMENT_RECOVERY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/storage/env.h"
#include "services/storage/segment.h"
#include "services/storage/segment_scan.h"

namespace synod::storage {

struct RecoveredSegment {
  std::shared_ptr<Segment> segment;
  SegmentScan scan;
  std::vector<std::string> damage;  // a line per damaged place
};

// The segment's batches are first_sequence .. end_sequence-1; without an end it is the log's last
// segment. If bytes of that one are gone in which further batches may have stood, or were gone
// before (`lost`), the scan ends with a lost batch that stands for them.
//
// Missing, short, unreadable and overwritten files are damage, reported in the result. An error is
// something else in the way, which may be mended: no permission, no file descriptors.
absl::StatusOr<RecoveredSegment> RecoverSegment(Env* env, const std::string& dir,
                                                const SegmentIdentity& identity,
                                                uint64_t first_sequence,
                                                std::optional<uint64_t> end_sequence,
                                                const SequenceRanges& lost);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_RECOVERY_H_
