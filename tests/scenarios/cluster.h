// The nodes of a scenario and the network between them. Time and messages move only when told.
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_SCENARIOS_CLUSTER_H_
#define SYNOD_TESTS_SCENARIOS_CLUSTER_H_

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "common/ids.h"
#include "tests/scenarios/network.h"
#include "tests/scenarios/node.h"
#include "tests/scenarios/transcript.h"

namespace synod::scenarios {

class Cluster {
 public:
  struct Options {
    int voters = 0;       // n1, n2, ...
    bool founded = true;  // their logs have met before
    size_t window = 0;    // α
  };

  // Starts the voters. Precondition: there are no nodes yet.
  void Found(const Options& options);
  // Starts a node with an empty log that knows nobody but `contact`. Precondition: it is new.
  void Join(NodeId node, NodeId contact);

  bool Has(NodeId node) const { return nodes_.contains(node); }
  Node& at(NodeId node) { return *nodes_.at(node); }
  const Node& at(NodeId node) const { return *nodes_.at(node); }
  std::vector<NodeId> nodes() const;  // ascending

  // Ticks `node` alone until it probes; false when it does not.
  bool Campaign(NodeId node);

  // Delivers the messages that are under way now and match; their answers stay under way.
  void Deliver(const MessageFilter& filter);
  // Loses them instead.
  void Drop(const MessageFilter& filter);
  // Delivers until nothing is under way but to paused nodes; false when that does not end.
  bool Stabilize();

  // Both ways, between the node and all others.
  void Isolate(NodeId node);

  Network& network() { return network_; }
  Transcript& transcript() { return transcript_; }

 private:
  void Add(Node::Options options);
  void Deliver(paxos::Message message);
  bool Reaches(const paxos::Message& message) const;
  bool MustWait(const paxos::Message& message) const;
  size_t CountMatching(const MessageFilter& filter) const;

  Transcript transcript_;
  Network network_;
  size_t window_ = 0;
  std::map<NodeId, std::unique_ptr<Node>> nodes_;
};

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_CLUSTER_H_
