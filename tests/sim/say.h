// Small words of the checks: a finding as text, a value as a number.
#ifndef SYNOD_TESTS_SIM_SAY_H_
#define SYNOD_TESTS_SIM_SAY_H_

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "services/paxos/value.h"
#include "tests/sim/trace.h"

namespace synod::sim {

// Everything that prints to a stream, one after the other.
template <class... Parts>
std::string Say(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

inline uint64_t HashOf(const paxos::Value& value) {
  return HashBytes(value.bytes());
}

// The commands of a value, whatever they are for.
inline std::vector<paxos::CommandView> CommandsOf(const paxos::Value& value) {
  if (value.kind() == paxos::Value::Kind::kConfiguration) return {value.configuration()};
  return value.Commands();
}

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SAY_H_
