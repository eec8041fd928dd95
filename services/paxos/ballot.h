// A ballot number: (round, node). Totally ordered; the node breaks ties, so that no two proposers
// ever share a ballot (Paxos Made Simple, section 2.5: proposers choose from disjoint sets).
#ifndef SYNOD_SERVICES_PAXOS_BALLOT_H_
#define SYNOD_SERVICES_PAXOS_BALLOT_H_

#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>

#include "common/ids.h"

namespace synod::paxos {

struct Ballot {
  uint64_t round = 0;
  NodeId node;

  // False for Ballot(), which is below every ballot a proposer uses.
  explicit operator bool() const { return round != 0; }

  // Above every ballot a proposer uses: what is chosen outranks every vote.
  static constexpr Ballot Max() {
    constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
    return {kMax, NodeId(kMax)};
  }

  friend auto operator<=>(const Ballot&, const Ballot&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Ballot& ballot) {
    return out << ballot.round << "." << ballot.node;
  }
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_BALLOT_H_
