// One run: a cluster made from a seed lives through faults, is healed, and is judged.
//
//   1. Safety phase: clients work while the nemesis is at large.
//   2. The clients stop. A connected majority is chosen and healed; the rest stays down or cut off.
//      Every node of the majority, and every balancer, must get a write through in bounded time.
//   3. Everything is healed. Every node must apply every chosen slot.
//   4. States must be equal, and the clients' history linearizable (witness.h).
#ifndef SYNOD_TESTS_SIM_RUN_H_
#define SYNOD_TESTS_SIM_RUN_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "tests/sim/coverage.h"
#include "tests/sim/fault.h"
#include "tests/sim/linearizer.h"
#include "tests/sim/plant.h"

namespace synod::sim {

// Everything that a run depends on.
struct RunSpec {
  uint64_t seed = 1;
  Plant plant = Plant::kNone;
  std::optional<Schedule> schedule{};  // of faults, in place of the one that the seed draws
};

struct RunResult {
  uint64_t seed = 0;
  std::string failure;  // empty: clean
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  absl::Duration simulated;
  Schedule schedule;  // of faults, as it was
  Coverage coverage;
  uint64_t faults = 0;     // injected by the nemesis
  uint64_t disturbed = 0;  // messages lost, doubled or held up
  uint64_t elections = 0;
  uint64_t chosen_slots = 0;
  uint64_t operations = 0;
  uint64_t succeeded = 0;
  bool stillborn = false;  // too few of its founders could ever vote: no progress was asked of it
  bool waited_for_snapshots = false;  // too few could vote before; L3 began to count behind that
  SearchOutcome search = SearchOutcome::kTooLong;  // of the history; a finding is in `failure`
  // From healing a majority until one of its nodes leads and serves, and until each has had a write
  // through; in election timeouts.
  double leader_timeouts = 0;
  double recovery_timeouts = 0;
};

// Depends on nothing but `spec`. `trace` may be null.
RunResult Run(const RunSpec& spec, std::ostream* trace);

// The schedule that a seed draws.
Schedule ScheduleOf(uint64_t seed);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_RUN_H_
