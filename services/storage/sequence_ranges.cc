#include "services/storage/sequence_ranges.h"

#include <algorithm>
#include <utility>

namespace synod::storage {

void SequenceRanges::Add(SequenceRange range) {
  if (range.first >= range.end) return;
  std::vector<SequenceRange> merged;
  for (const SequenceRange& old : ranges_) {
    if (old.end < range.first || old.first > range.end) {
      merged.push_back(old);
    } else {
      range = {std::min(range.first, old.first), std::max(range.end, old.end)};
    }
  }
  const auto place =
      std::find_if(merged.begin(), merged.end(),
                   [&range](const SequenceRange& other) { return other.first > range.end; });
  merged.insert(place, range);
  ranges_ = std::move(merged);
}

bool SequenceRanges::Contains(SequenceRange range) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&range](const SequenceRange& held) {
    return held.first <= range.first && range.end <= held.end;
  });
}

void SequenceRanges::EraseBelow(uint64_t sequence) {
  std::vector<SequenceRange> kept;
  for (const SequenceRange& range : ranges_) {
    if (range.end > sequence) kept.push_back({std::max(range.first, sequence), range.end});
  }
  ranges_ = std::move(kept);
}

}  // namespace synod::storage
