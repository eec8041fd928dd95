// The few faults of a failing run that make it fail: leaves out part after part of its schedule for
// as long as it still breaks the same rule (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", TSE 2002: ddmin).
#ifndef SYNOD_TESTS_SIM_SHRINK_H_
#define SYNOD_TESTS_SIM_SHRINK_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/sim/fault.h"
#include "tests/sim/run.h"

namespace synod::sim {

// The code of the rule that a finding speaks of, as "O1"; "" when it has none.
std::string RuleOf(absl::string_view failure);

// Runs in a process of its own and gives the code of the rule that broke, kCrash when the process
// died of a failed CHECK or the like, "" when all was well. For callers with one thread.
inline constexpr absl::string_view kCrash = "crash";
std::string RunApart(const RunSpec& spec);

// A part of `schedule` that still `fails` and from which no single fault can be left out, unless
// that took more than `max_runs` calls. Precondition: fails(schedule).
Schedule Shrink(Schedule schedule, int max_runs, const std::function<bool(const Schedule&)>& fails);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SHRINK_H_
