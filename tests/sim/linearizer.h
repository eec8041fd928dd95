// Linearizability by search: looks for any order of a history's operations that the key-value model
// agrees with and that respects real time, whatever the log says. Exponential in how much runs at
// once, so for short histories; the audit of witness.h, which needs no search.
//
// The algorithm is Wing and Gong's ("Testing and Verifying Concurrent Objects", 1993) with Lowe's
// memory of (operations done, state) pairs ("Testing for Linearizability", 2017).
//
// Serializable reads are left out, as they promise less, and so are operations that were refused
// and reads without an answer. A write without an answer may stand anywhere after it was sent, or
// nowhere.
#ifndef SYNOD_TESTS_SIM_LINEARIZER_H_
#define SYNOD_TESTS_SIM_LINEARIZER_H_

#include <cstddef>
#include <cstdint>

#include "tests/sim/history.h"

namespace synod::sim {

enum class SearchOutcome {
  kLinearizable,
  kNotLinearizable,
  kGaveUp,   // the limit of steps came first: nothing is known
  kTooLong,  // not tried
};

struct SearchLimits {
  size_t max_operations = 300;
  uint64_t max_steps = 100'000;  // operations tried; each costs some 10 microseconds
};

SearchOutcome SearchLinearization(const History& history, const SearchLimits& limits);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_LINEARIZER_H_
