// Whether this node's log may vote. A log that was wiped or replaced has forgotten votes and
// promises; were it to vote again under the old id, two quorums would share nobody who remembers
// (the reason for stable storage in Paxos Made Simple, section 2.5).
//
// Every log has an instance, a random number drawn when it was made. A log that has never voted
// becomes founded, durably, in one of two ways:
//   1. At the birth of a cluster: every other voter of the first configuration has said that it
//      knows this log, under this instance.
//   2. It learns a configuration in which it votes with its instance: a learner is promoted, or the
//      first leader of a cluster has named everybody's log (Naming).
//
// A log remembers the first instance of each voter that it hears of, durably before it says so
// (MetRecord) and whether it may vote itself or not, and never takes another for that voter's.
//
// Why 1 is enough. Suppose an earlier log of this node was founded. Then every other voter had
// remembered that one, or a leader had named it that had, and so had the quorum that chose the
// naming: somebody refuses this one. (Were all of them wiped as well, nobody would be left to tell;
// that loses data under any protocol.)
//
// Why 2 is enough. A leader that names is founded and has met every log. Had an earlier log of this
// node been founded, the leader would know that one, and name it. And a learner has never voted.
//
// The price: a disk that is replaced after others have met it, and before the cluster is born, is
// refused like any other. Nothing is lost yet; the cluster can be made anew.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_FOUNDING_H_
#define SYNOD_SERVICES_PAXOS_FOUNDING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/ids.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"

namespace synod::paxos {

class Founding {
 public:
  // From the log. `instances` as in MetRecord or FoundedRecord.
  Founding(NodeId self, uint64_t instance, bool founded, std::map<NodeId, uint64_t> instances)
      : self_(self), instance_(instance), founded_(founded), instances_(std::move(instances)) {}

  bool founded() const { return founded_; }

  // Somebody knows this node by another log: the disk was wiped or replaced. It never votes.
  bool impostor() const { return impostor_; }

  uint64_t instance() const { return instance_; }

  // Voters that have not said that they know this log; empty when founded, and when there is nobody
  // to ask.
  std::vector<NodeId> ToGreet(const ConfigurationHistory& configurations) const;

  Greeting Greet(NodeId peer, bool answer_wanted) const;
  // The record to make durable before the answer, when the sender's log was not known.
  std::optional<MetRecord> OnGreeting(NodeId from, const Greeting& greeting);

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
  std::map<NodeId, uint64_t> instances_;
  std::set<NodeId> known_by_;  // who has said so since this process started
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_FOUNDING_H_
