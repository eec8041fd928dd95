// Linearizability by a witness: the chosen log is the order. It is replayed through the model;
// every answer must be what the model gives at its place, and the places must respect real time. A
// history that passes is linearizable, with this order as the proof; the check is near-linear,
// unlike a search for some order.
//
//   W1. An acknowledged write is in the log once; a refused one is not in it.
//   W2. Every answer equals the model's, revision included.
//   W3. What was answered before something else was sent stands before it.
//   W4. A serializable read shows the state at the revision it names (W3 is not asked of it).
//   W6. A read with a minimum revision shows nothing older than its client has seen.
#ifndef SYNOD_TESTS_SIM_WITNESS_H_
#define SYNOD_TESTS_SIM_WITNESS_H_

#include <string>
#include <vector>

#include "services/paxos/value.h"
#include "tests/sim/history.h"

namespace synod::sim {

// What is wrong, or "".
std::string CheckHistory(const std::vector<paxos::Value>& chosen_log, const History& history);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_WITNESS_H_
