// Whether this node's log may vote. A log that was wiped or replaced has forgotten votes and
// promises; were it to vote again under the old id, two quorums would share nobody who remembers
// (the reason for stable storage in Paxos Made Simple, section 2.5).
//
// Every log has an instance, a random number drawn when it was made. A log that has never voted
// becomes founded, durably, in one of two ways:
//   1. At the birth of a cluster: every other voter of the first configuration has answered a
//      greeting, and those that are founded know this log under its instance.
//   2. It learns a configuration in which it votes with its instance: a learner is promoted, or the
//      first leader of a cluster has named everybody's log (Naming).
//
// Why 1 is enough. Suppose an earlier log of this node voted. Then it was founded, and a vote of it
// mattered only together with that of another founded voter. That voter had heard the earlier log's
// instance before it was founded itself, and now refuses any other. (When a majority was wiped at
// once nobody is left to tell; that loses data under any protocol.)
//
// Why 2 is enough. The leader knew this log before its ballot, so an earlier log of this node voted
// below that ballot only. What such votes helped to choose the leader found in phase 1, and it lies
// below the configuration, which this node has learned up to.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_FOUNDING_H_
#define SYNOD_SERVICES_PAXOS_FOUNDING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"

namespace synod::paxos {

class Founding {
 public:
  // From the log. `instances` as in FoundedRecord.
  Founding(NodeId self, uint64_t instance, bool founded, std::map<NodeId, uint64_t> instances)
      : self_(self), instance_(instance), founded_(founded), instances_(std::move(instances)) {}

  bool founded() const { return founded_; }

  // Somebody knows this node under another log: the disk was wiped or replaced. It never votes.
  bool impostor() const { return impostor_; }

  uint64_t instance() const { return instance_; }

  // Voters whose answer is missing; empty when founded, and when there is nobody to ask.
  std::vector<NodeId> ToGreet(const ConfigurationHistory& configurations) const;

  Greeting Greet(NodeId peer, bool answer_wanted) const;
  void OnGreeting(NodeId from, const Greeting& greeting);

  // The first configuration with everybody's instance, to be proposed by a leader: whoever has not
  // met all others yet need not wait for them. Nothing when that was done, or some are not known.
  std::optional<Configuration> Naming(const ConfigurationHistory& configurations) const;

  // The record to make durable before the first vote, when this log has just become founded.
  std::optional<FoundedRecord> TryFound(const ConfigurationHistory& configurations);

 private:
  NodeId self_;
  uint64_t instance_;
  bool founded_;
  bool impostor_ = false;
  std::map<NodeId, uint64_t> instances_;  // when not founded: of those that answered
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_FOUNDING_H_
