// Many runs, on several threads, each run on one.
#ifndef SYNOD_TESTS_SIM_SWEEP_H_
#define SYNOD_TESTS_SIM_SWEEP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "tests/sim/coverage.h"
#include "tests/sim/plant.h"
#include "tests/sim/run.h"

namespace synod::sim {

struct SweepOptions {
  uint64_t first = 1;
  uint64_t last = 1;  // inclusive
  int jobs = 1;
  Plant plant = Plant::kNone;
  bool stop_at_failure = false;
  uint64_t repeat_every = 20;  // of as many seeds one runs twice, and must leave the same trace
};

struct SweepTotals {
  uint64_t runs = 0;
  uint64_t failures = 0;
  uint64_t first_failing_seed = 0;  // the lowest; 0 when there is none
  std::string first_failure;
  uint64_t repeated = 0;
  uint64_t events = 0;
  uint64_t faults = 0;
  uint64_t disturbed = 0;
  uint64_t elections = 0;
  uint64_t chosen_slots = 0;
  uint64_t operations = 0;
  uint64_t succeeded = 0;
  uint64_t searched = 0;  // histories found linearizable by search
  uint64_t gave_up = 0;
  uint64_t stillborn = 0;
  uint64_t waited_for_snapshots = 0;
  absl::Duration simulated;
  absl::Duration cpu;  // of the runs, over all threads, repetitions left out
  Coverage coverage;
  double slowest_leader = 0;  // in election timeouts, as the next
  uint64_t slowest_leader_seed = 0;
  double slowest_recovery = 0;
  uint64_t slowest_recovery_seed = 0;
};

// `on_failure` is called on the thread of the run, one call at a time.
SweepTotals Sweep(const SweepOptions& options,
                  const std::function<void(const RunResult&)>& on_failure);

// The command that repeats a run.
std::string ReplayCommand(uint64_t seed, Plant plant);

// From now on a process that aborts (a failed CHECK) or crashes says on stderr which run it was in.
void NameSeedOnAbort();
// What the calling thread runs.
void NameRun(uint64_t seed, Plant plant);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SWEEP_H_
