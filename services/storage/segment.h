// One segment of the acceptor log: a file of batches and a file of their records' identifiers, both
// zero-filled when made. Knows how to write a batch durably and to read a value back.
//
// A damaged segment is read as far as it goes, never written, and its files are not used again.
//
// Thread-safety: ReadValue and the accessors of constants from any thread; the rest from the log's.
#ifndef SYNOD_SERVICES_STORAGE_SEGMENT_H_
#define SYNOD_SERVICES_STORAGE_SEGMENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/ids.h"
#include "services/paxos/value.h"
#include "services/storage/env.h"
#include "services/storage/record_codec.h"
#include "services/storage/segment_scan.h"

namespace synod::storage {

class Segment {
 public:
  // Both files are prepared for this identity and empty; or Restore follows. A file that is missing
  // is null.
  Segment(std::string dir, SegmentIdentity identity, uint64_t bytes, std::unique_ptr<File> records,
          std::unique_ptr<File> identifiers);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Takes over what a scan of the files found.
  void Restore(const SegmentScan& scan, bool damaged);

  uint64_t id() const { return identity_.id; }
  uint64_t bytes() const { return bytes_; }
  bool damaged() const { return damaged_; }

  // How many of `records`, from the first on, one batch here can still take; none when damaged.
  size_t Fitting(absl::Span<const LogRecord> records) const;

  // One write, one sync; then the identifiers, which nobody waits for.
  absl::StatusOr<std::vector<RecordDescriptor>> WriteBatch(uint64_t sequence,
                                                           absl::Span<const LogRecord> records);

  // Makes the identifiers durable; the segment will not be written again.
  absl::Status SyncIdentifiers();

  // Writes the last recovered batch and its identifiers once more and syncs both: they may have
  // come from the page cache without ever having reached the disk.
  absl::Status SecureTail(const SegmentScan& scan);

  // DataLoss when the bytes do not verify.
  absl::StatusOr<paxos::Value> ReadValue(const RecordDescriptor& record) const;

  // The highest slot of each group with a record here, readable or not.
  const std::map<GroupId, Slot>& highest() const { return highest_; }

 private:
  void Count(const RecordDescriptor& record);

  const std::string dir_;
  const SegmentIdentity identity_;
  const uint64_t bytes_;
  const std::unique_ptr<File> records_;
  const std::unique_ptr<File> identifiers_;
  uint64_t end_ = kSegmentHeaderBytes;  // where the next batch goes
  uint64_t count_ = 0;                  // records so far
  bool damaged_ = false;
  std::map<GroupId, Slot> highest_;
};

// Bytes of the identifiers' file beside a records' file of `segment_bytes`.
constexpr uint64_t IdentifiersBytes(uint64_t segment_bytes) {
  return segment_bytes / 8;
}

// How messages name a record.
std::string Describe(const RecordKey& key);

// The largest value that a segment of this size can take.
uint64_t MaxValueBytes(uint64_t segment_bytes);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_H_
