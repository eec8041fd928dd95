#include "services/storage/segment_scan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::storage {
namespace {

// The identifiers of one batch, by ordinal.
using Identifiers = std::map<uint64_t, RecordIdentifier>;

struct Head {
  uint64_t offset = 0;
  BatchHead head;
  std::vector<bool> intact;  // per record
};

class Scanner {
 public:
  Scanner(const SegmentIdentity& segment, SequenceRange range, absl::string_view records,
          absl::string_view identifiers)
      : segment_(segment), range_(range), records_(records), identifiers_(identifiers) {}

  SegmentScan Scan(bool end_known) {
    FindHeads();
    FindIdentifiers();
    if (!end_known) DropTornTail();
    scan_.next_sequence = end_known ? range_.end : NextSequence();
    scan_.end = scan_.known_bytes = kSegmentHeaderBytes;
    for (uint64_t sequence = range_.first; sequence < scan_.next_sequence;) {
      sequence = Take(sequence);
    }
    if (scan_.damage.empty() && !heads_.empty()) {
      const uint64_t last = heads_.rbegin()->second.offset;
      scan_.last_batch = std::string(records_.substr(last, scan_.end - last));
    }
    return std::move(scan_);
  }

 private:
  // A head verifies only at the place it was written to, so each one found is a batch of this
  // segment; their sequences rise with their offsets.
  void FindHeads() {
    for (uint64_t at = kSegmentHeaderBytes; at < records_.size();) {
      auto head = DecodeBatchHead(segment_, at, records_);
      if (!head || head->sequence < range_.first || head->sequence >= range_.end) {
        at += kSectorBytes;
        continue;
      }
      Head found{at, *std::move(head), {}};
      for (const RecordDescriptor& record : found.head.records) {
        found.intact.push_back(
            ValueIntact(segment_, record, records_.substr(record.offset, record.length)));
      }
      at += RoundUpToSector(found.head.bytes);
      const uint64_t sequence = found.head.sequence;
      heads_.emplace(sequence, std::move(found));
    }
  }

  void FindIdentifiers() {
    for (uint64_t at = 0; at + kIdentifierBytes <= identifiers_.size(); at += kIdentifierBytes) {
      const uint64_t ordinal = at / kIdentifierBytes;
      const auto found =
          DecodeIdentifier(segment_, ordinal, identifiers_.substr(at, kIdentifierBytes));
      if (!found || found->sequence < range_.first || found->sequence >= range_.end) continue;
      acknowledged_ = std::max(acknowledged_, found->sequence + 1);
      if (!heads_.contains(found->sequence)) named_[found->sequence].emplace(ordinal, *found);
    }
  }

  // The last batch, if its head is all that is left of it and nobody was told of it.
  void DropTornTail() {
    if (heads_.empty()) return;
    const auto& [sequence, head] = *heads_.rbegin();
    const bool whole =
        std::all_of(head.intact.begin(), head.intact.end(), [](bool intact) { return intact; });
    if (!whole && acknowledged_ <= sequence) heads_.erase(sequence);
  }

  uint64_t NextSequence() const {
    const uint64_t next = std::max(range_.first, acknowledged_);
    return heads_.empty() ? next : std::max(next, heads_.rbegin()->first + 1);
  }

  // Takes in the batch of this sequence, or the gap that begins with it; returns what comes next.
  uint64_t Take(uint64_t sequence) {
    const auto head = heads_.find(sequence);
    if (head != heads_.end()) {
      TakeHead(head->second);
      return sequence + 1;
    }
    const auto named = named_.find(sequence);
    if (named != named_.end()) {
      TakeIdentifiers(sequence, named->second);
      return sequence + 1;
    }
    return TakeGap(sequence);
  }

  void TakeHead(const Head& found) {
    ScannedBatch& batch = scan_.batches.emplace_back();
    const uint64_t sequence = found.head.sequence;
    batch.sequences = {sequence, sequence + 1};
    batch.complete = true;
    std::vector<RecordDescriptor> lost;
    for (size_t i = 0; i < found.head.records.size(); ++i) {
      const RecordDescriptor& record = found.head.records[i];
      batch.records.push_back({record, found.intact[i]});
      if (!found.intact[i]) lost.push_back(record);
      scan_.identifiers += EncodeIdentifier(
          segment_, ordinal_++, {sequence, static_cast<uint32_t>(found.offset), record});
    }
    if (!lost.empty()) {
      Report(lost.front().offset, lost, "the value does not match its checksum");
    }
    scan_.end = scan_.known_bytes = found.offset + RoundUpToSector(found.head.bytes);
  }

  void TakeIdentifiers(uint64_t sequence, const Identifiers& identifiers) {
    ScannedBatch& batch = scan_.batches.emplace_back();
    batch.sequences = {sequence, sequence + 1};
    std::vector<RecordDescriptor> lost;
    for (const auto& [ordinal, identifier] : identifiers) {
      batch.records.push_back({identifier.record, false});
      lost.push_back(identifier.record);
      const uint64_t end = uint64_t{identifier.record.offset} + identifier.record.length;
      scan_.known_bytes = std::max(scan_.known_bytes, RoundUpToSector(end));
    }
    // The first value lies right behind the descriptors, so its place tells how many there are. A
    // later value lies further back and would tell of more than there are identifiers.
    const RecordIdentifier& first = identifiers.begin()->second;
    batch.complete = first.record.offset ==
                     first.batch_offset + kBatchHeadBytes + lost.size() * kDescriptorBytes;
    Report(first.batch_offset, lost,
           batch.complete ? "the head of its batch is damaged"
                          : "the head of its batch is damaged, and so are other identifiers of it");
  }

  uint64_t TakeGap(uint64_t first) {
    uint64_t end = scan_.next_sequence;
    if (const auto head = heads_.upper_bound(first); head != heads_.end()) {
      end = std::min(end, head->first);
    }
    if (const auto named = named_.upper_bound(first); named != named_.end()) {
      end = std::min(end, named->first);
    }
    scan_.batches.push_back({{first, end}, false, {}});
    Report(scan_.known_bytes, {},
           absl::StrCat("nothing is left of batches ", first, " to ", end - 1));
    return end;
  }

  void Report(uint64_t offset, const std::vector<RecordDescriptor>& lost, std::string reason) {
    SegmentDamage damage;
    damage.offset = offset;
    if (!lost.empty()) {
      damage.key = lost.front().key;
      damage.more = lost.size() - 1;
    }
    damage.reason = std::move(reason);
    scan_.damage.push_back(std::move(damage));
  }

  const SegmentIdentity& segment_;
  const SequenceRange range_;
  const absl::string_view records_;
  const absl::string_view identifiers_;
  std::map<uint64_t, Head> heads_;         // by sequence
  std::map<uint64_t, Identifiers> named_;  // of batches without a head
  uint64_t acknowledged_ = 0;              // batches below this sequence, as the identifiers prove
  uint64_t ordinal_ = 0;
  SegmentScan scan_;
};

}  // namespace

SegmentScan ScanSegment(const SegmentIdentity& segment, uint64_t first_sequence,
                        std::optional<uint64_t> end_sequence, absl::string_view records,
                        absl::string_view identifiers) {
  const SequenceRange range{first_sequence,
                            end_sequence.value_or(std::numeric_limits<uint64_t>::max())};
  return Scanner(segment, range, records, identifiers).Scan(end_sequence.has_value());
}

}  // namespace synod::storage
