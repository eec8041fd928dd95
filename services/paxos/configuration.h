// Who votes. Today one configuration governs every slot; reconfiguration by the α-window (the
// configuration chosen at slot i governs from i+α; Paxos Made Simple, section 3) asks this class.
//
// Thread-safety: immutable after construction.
#ifndef SYNOD_SERVICES_PAXOS_CONFIGURATION_H_
#define SYNOD_SERVICES_PAXOS_CONFIGURATION_H_

#include <cstddef>
#include <vector>

#include "common/ids.h"

namespace synod::paxos {

class Configuration {
 public:
  // Preconditions: 1 to kMaxVoters distinct ids.
  explicit Configuration(std::vector<NodeId> voters);

  static constexpr size_t kMaxVoters = 64;

  const std::vector<NodeId>& voters() const { return voters_; }  // ascending
  bool Contains(NodeId node) const;

  // Any two quorums share a voter.
  size_t quorum_size() const { return voters_.size() / 2 + 1; }

  // Position in voters(); precondition: Contains(node).
  size_t IndexOf(NodeId node) const;

 private:
  std::vector<NodeId> voters_;
};

// Which voters have said yes, each counted once however often it says so.
class Tally {
 public:
  void Add(const Configuration& configuration, NodeId voter);
  bool Has(const Configuration& configuration, NodeId voter) const;
  bool IsQuorum(const Configuration& configuration) const;

 private:
  uint64_t bits_ = 0;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_CONFIGURATION_H_
