// What every part of one run shares: virtual time, the trace, the verdict, and what was covered.
#ifndef SYNOD_TESTS_SIM_WORLD_H_
#define SYNOD_TESTS_SIM_WORLD_H_

#include <initializer_list>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "common/random.h"
#include "tests/sim/coverage.h"
#include "tests/sim/event_loop.h"
#include "tests/sim/trace.h"

namespace synod::sim {

// The first broken rule of a run. The run stops there: what follows is only consequence.
class Verdict {
 public:
  void Fail(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

 private:
  std::string failure_;
};

struct World {
  explicit World(std::ostream* trace_out) : trace(trace_out) {}

  void Note(NodeId node, absl::string_view what, std::initializer_list<Trace::Field> fields) {
    trace.Note(loop.now(), node, what, fields);
  }

  EventLoop loop;
  Trace trace;
  Verdict verdict;
  Coverage coverage;
};

// Skewed like an exponential distribution with this mean, at most about four times it; at least a
// nanosecond, so that cause precedes effect.
absl::Duration DrawDuration(Random& random, absl::Duration mean);

// Uniform in [low, high].
absl::Duration DrawBetween(Random& random, absl::Duration low, absl::Duration high);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_WORLD_H_
