// Where a version stands in the history of the whole store.
#ifndef SYNOD_SERVICES_KV_POSITION_H_
#define SYNOD_SERVICES_KV_POSITION_H_

#include <compare>
#include <cstdint>

#include "services/kv/types.h"

namespace synod::kv {

// The `sub`-th change, from zero, of the command that made `revision`. The default value means
// "nowhere" and is below every real position.
struct Position {
  Revision revision = 0;
  uint32_t sub = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_POSITION_H_
