// How far the log is cut when it takes more room than it may, so that a member that stays away does
// not fill the others' disks: it gets a snapshot when it returns.
#ifndef SYNOD_SERVICES_NODE_LOG_BUDGET_H_
#define SYNOD_SERVICES_NODE_LOG_BUDGET_H_

#include <cstdint>

#include "common/ids.h"

namespace synod::node {

struct LogUse {
  Slot cut_through;     // of what it holds: the slots above this one ...
  Slot chosen_through;  // ... through this one
  uint64_t bytes = 0;
};

// The slot to cut through so that about half of `max_bytes` is kept, were all slots of one size;
// `use.cut_through` when the log fits.
inline Slot CutToFit(const LogUse& use, uint64_t max_bytes) {
  if (use.bytes <= max_bytes || use.chosen_through <= use.cut_through) return use.cut_through;
  const uint64_t slots = use.chosen_through - use.cut_through;
  // Slots times bytes does not fit into 64 bits.
  const double part = static_cast<double>(max_bytes) / 2 / static_cast<double>(use.bytes);
  return use.cut_through + (slots - static_cast<uint64_t>(static_cast<double>(slots) * part));
}

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_LOG_BUDGET_H_
