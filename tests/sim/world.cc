#include "tests/sim/world.h"

#include <algorithm>
#include <bit>

namespace synod::sim {

absl::Duration DrawDuration(Random& random, absl::Duration mean) {
  // Integers only, as the logarithm of the C library may differ in its last bit between machines:
  // an octave of 1, 2, 4 or 8 units with geometric chances, then a uniform place in its upper half.
  // The mean of that is 9/4 units.
  const auto unit =
      static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(mean), 0)) * 4 / 9;
  const int octave = std::min(std::countr_zero(random.Next() | 8u), 3);
  const uint64_t span = unit << octave;
  return absl::Nanoseconds(static_cast<int64_t>(1 + random.Between(span / 2, span)));
}

absl::Duration DrawBetween(Random& random, absl::Duration low, absl::Duration high) {
  return absl::Nanoseconds(
      static_cast<int64_t>(random.Between(static_cast<uint64_t>(absl::ToInt64Nanoseconds(low)),
                                          static_cast<uint64_t>(absl::ToInt64Nanoseconds(high)))));
}

}  // namespace synod::sim
