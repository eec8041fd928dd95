// The proof that the checks can fail, as a table: for each planted bug the first seed that catches
// it, the rule that broke, and the CPU time of all seeds until then. For callers with one thread.
#ifndef SYNOD_TESTS_SIM_PLANT_TABLE_H_
#define SYNOD_TESTS_SIM_PLANT_TABLE_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "tests/sim/plant.h"

namespace synod::sim {

struct Catch {
  uint64_t seed = 0;  // 0: none up to the last
  std::string rule;   // as RuleOf, or how the process ended
  absl::Duration cpu;
};

// Runs seeds 1, 2, ... `last`, each in a process of its own, until one fails.
Catch CatchPlant(Plant plant, uint64_t last);

// A row per planted bug as each is done, then the median. True when all were caught.
bool PrintPlantTable(uint64_t last, std::ostream& out);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_PLANT_TABLE_H_
