// A set of batch sequences, kept as ranges: which batches of the log were acknowledged and are
// lost. Nearly always empty.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_STORAGE_SEQUENCE_RANGES_H_
#define SYNOD_SERVICES_STORAGE_SEQUENCE_RANGES_H_

#include <cstdint>
#include <vector>

namespace synod::storage {

// first .. end-1.
struct SequenceRange {
  uint64_t first = 0;
  uint64_t end = 0;

  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

class SequenceRanges {
 public:
  void Add(SequenceRange range);
  bool Contains(SequenceRange range) const;
  void EraseBelow(uint64_t sequence);

  // Ascending; neither overlapping nor adjacent nor empty.
  const std::vector<SequenceRange>& ranges() const { return ranges_; }

  friend bool operator==(const SequenceRanges&, const SequenceRanges&) = default;

 private:
  std::vector<SequenceRange> ranges_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEQUENCE_RANGES_H_
