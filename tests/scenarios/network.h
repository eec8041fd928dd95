// The messages under way between a scenario's nodes. Nothing moves by itself: commands deliver,
// drop or hold them.
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_SCENARIOS_NETWORK_H_
#define SYNOD_TESTS_SCENARIOS_NETWORK_H_

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "services/paxos/message.h"

namespace synod::scenarios {

// Which messages a command means; what is not set matches all.
struct MessageFilter {
  NodeId from;
  NodeId to;
  std::string kind;
  Slot slot;

  bool Matches(const paxos::Message& message) const;
};

class Network {
 public:
  void Send(paxos::Message message) { under_way_.push_back(std::move(message)); }

  // Messages are lost from `from` to `to`, those under way included, until Heal.
  void Cut(NodeId from, NodeId to) { cut_.insert({from, to}); }
  void Heal() { cut_.clear(); }
  bool IsCut(NodeId from, NodeId to) const { return cut_.contains({from, to}); }

  const std::deque<paxos::Message>& under_way() const { return under_way_; }

  // A copy of each message that matches, behind all others.
  void Repeat(const MessageFilter& filter);

  // The oldest message of which `wanted` is true, taken out; nothing when there is none.
  std::optional<paxos::Message> TakeFirst(const std::function<bool(const paxos::Message&)>& wanted);

 private:
  std::deque<paxos::Message> under_way_;  // in the order they were sent
  std::set<std::pair<NodeId, NodeId>> cut_;
};

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_NETWORK_H_
