// Watches a run for the situations of coverage.h. Judges nothing.
#ifndef SYNOD_TESTS_SIM_SPOTTER_H_
#define SYNOD_TESTS_SIM_SPOTTER_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "services/paxos/message.h"
#include "services/paxos/record.h"
#include "services/paxos/replica.h"
#include "tests/sim/coverage.h"
#include "tests/sim/world.h"

namespace synod::sim {

class Spotter {
 public:
  explicit Spotter(World& world) : world_(world) {}

  // After each Ready of a node.
  void OnStatus(NodeId node, const paxos::ReplicaStatus& status, int election_ticks);
  void OnStarted(NodeId node);
  void OnJoined(NodeId node);
  void OnDied(NodeId node);
  void OnPaused(NodeId node);
  void OnSend(const paxos::Message& message);
  void OnReceive(const paxos::Message& message);
  void OnDurable(NodeId node, const paxos::Record& record);

 private:
  struct Seen {
    bool running = false;
    bool joined = false;
    paxos::Role role = paxos::Role::kFollower;
    paxos::Ballot leads;
    int silent_ticks = 0;
    std::map<Slot, paxos::Ballot> votes;  // of this node, since it started
  };

  void Saw(Situation situation) { world_.coverage.Saw(situation); }
  int Count(paxos::Role role) const;

  World& world_;
  std::map<NodeId, Seen> nodes_;
  std::set<std::pair<paxos::Ballot, Slot>> reported_;  // by promises, for the ballot
  std::map<paxos::Ballot, Slot> highest_reported_;
  std::set<std::pair<NodeId, std::pair<paxos::Ballot, Slot>>> accepts_;
  std::set<std::pair<uint64_t, uint64_t>> forwards_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SPOTTER_H_
