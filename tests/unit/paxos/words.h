// Short names for what tests of the parts are made of.
#ifndef SYNOD_TESTS_UNIT_PAXOS_WORDS_H_
#define SYNOD_TESTS_UNIT_PAXOS_WORDS_H_

#include <cstdint>
#include <string>

#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/value.h"

namespace synod::paxos {

inline const Configuration kThree = Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});

inline Ballot At(uint64_t round, uint64_t node = 1) {
  return {round, NodeId(node)};
}

inline Value ValueOf(const std::string& payload) {
  return Value::OfCommands({{{NodeId(1), 1}, payload}});
}

}  // namespace synod::paxos

#endif  // SYNOD_TESTS_UNIT_PAXOS_WORDS_H_
