// Nothing that has to be right reads a clock that may jump, checked against the text of the
// sources.
#ifndef SYNOD_TESTS_UNIT_HOUSE_WALL_CLOCK_H_
#define SYNOD_TESTS_UNIT_HOUSE_WALL_CLOCK_H_

#include <string>
#include <vector>

#include "tests/unit/house/include_direction.h"

namespace synod::house {

// One line for each place that reads the wall clock, or waits by it, and has no row in the table,
// as "services/kv/store.cc:12: absl::Now( reads it". Ordered by path.
std::vector<std::string> WallClockUses(const SourceTree& tree);

}  // namespace synod::house

#endif  // SYNOD_TESTS_UNIT_HOUSE_WALL_CLOCK_H_
