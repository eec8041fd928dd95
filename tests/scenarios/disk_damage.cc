#include "tests/scenarios/disk_damage.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "services/storage/log_files.h"

namespace synod::scenarios {
namespace {

// A record and the batch it stands in.
struct Found {
  storage::SegmentIdentity segment;
  uint64_t batch_offset = 0;
  storage::BatchHead batch;
  storage::RecordDescriptor record;
};

// The last batch with a record of the slot: batches are written one behind the other.
std::optional<Found> FindIn(absl::string_view bytes, const storage::SegmentIdentity& segment,
                            Slot slot) {
  std::optional<Found> found;
  for (uint64_t at = storage::kSegmentHeaderBytes; at < bytes.size(); at += storage::kSectorBytes) {
    const auto batch = storage::DecodeBatchHead(segment, at, bytes);
    if (!batch) continue;
    for (const storage::RecordDescriptor& record : batch->records) {
      if (record.key.slot == slot) found = Found{segment, at, *batch, record};
    }
  }
  return found;
}

std::optional<Found> Find(const LogPlace& log, Slot slot) {
  std::optional<Found> newest;
  for (const std::string& path : log.disk.Paths()) {
    const auto id = storage::SegmentOfFile(path.substr(log.dir.size() + 1));
    if (!id || path != storage::RecordsPath(log.dir, *id)) continue;
    const auto found = FindIn(log.disk.Contents(path), {log.cluster, log.node, *id}, slot);
    if (found) newest = found;
  }
  return newest;
}

void Zero(std::string& bytes, uint64_t offset, uint64_t size) {
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, '\0');
}

}  // namespace

bool FlipValue(const LogPlace& log, Slot slot) {
  const auto found = Find(log, slot);
  if (!found) return false;
  log.disk.Contents(storage::RecordsPath(log.dir, found->segment.id))[found->record.offset] ^= 1;
  return true;
}

bool EraseRecord(const LogPlace& log, Slot slot) {
  const auto found = Find(log, slot);
  if (!found) return false;
  Zero(log.disk.Contents(storage::RecordsPath(log.dir, found->segment.id)), found->batch_offset,
       found->batch.bytes);
  std::string& names = log.disk.Contents(storage::IdentifiersPath(log.dir, found->segment.id));
  for (uint64_t at = 0; at + storage::kIdentifierBytes <= names.size();
       at += storage::kIdentifierBytes) {
    const auto identifier =
        storage::DecodeIdentifier(found->segment, at / storage::kIdentifierBytes,
                                  absl::string_view(names).substr(at, storage::kIdentifierBytes));
    if (identifier && identifier->sequence == found->batch.sequence) {
      Zero(names, at, storage::kIdentifierBytes);
    }
  }
  return true;
}

void FlipPromises(const LogPlace& log) {
  for (const char copy : {'a', 'b'}) {
    std::string& bytes = log.disk.Contents(storage::ManifestPath(log.dir, copy));
    bytes[bytes.find_first_not_of('\0')] ^= 1;
  }
}

}  // namespace synod::scenarios
