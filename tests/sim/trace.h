// What happened in a run, as a hash and, on demand, as text.
//
// Two runs of one seed have the same hash; a different hash means that something outside the seed
// (an address, an unordered container, a clock) decided an outcome, which is a bug of its own.
#ifndef SYNOD_TESTS_SIM_TRACE_H_
#define SYNOD_TESTS_SIM_TRACE_H_

#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/ids.h"

namespace synod::sim {

// Stable over processes and machines, unlike absl::Hash.
uint64_t HashBytes(absl::string_view bytes);

class Trace {
 public:
  struct Field {
    const char* name;
    uint64_t value;
    const char* text = nullptr;  // printed in place of the value
  };

  // `out` receives one line per event; null for the hash alone.
  explicit Trace(std::ostream* out) : out_(out) {}

  void Note(absl::Duration now, NodeId node, absl::string_view what,
            std::initializer_list<Field> fields);

  uint64_t hash() const { return hash_; }
  uint64_t events() const { return events_; }

 private:
  void Mix(uint64_t word);

  std::ostream* const out_;
  uint64_t hash_ = 0x9e3779b97f4a7c15;
  uint64_t events_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_TRACE_H_
