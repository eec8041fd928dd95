// The links between nodes: each message is delayed, and may be lost, doubled, overtaken or held up;
// each direction of each link can be cut on its own.
//
// A cut swallows what is sent while it lasts; what was already under way still arrives.
#ifndef SYNOD_TESTS_SIM_NETWORK_H_
#define SYNOD_TESTS_SIM_NETWORK_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "common/ids.h"
#include "common/random.h"
#include "services/paxos/message.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct NetworkOptions {
  absl::Duration latency = absl::Milliseconds(1);  // mean of the random part
  double loss = 0;
  double duplication = 0;
  double clog = 0;  // chance that a message is held up for about clog_time
  absl::Duration clog_time = absl::Seconds(1);
  bool ordered = false;  // as over one TCP connection: no message overtakes another on its link
};

class Network {
 public:
  using Receiver = std::function<void(paxos::Message)>;

  // For nodes 1..nodes.
  Network(World& world, NetworkOptions options, Random random, int nodes);

  // Whoever receives decides whether it is alive.
  void Attach(NodeId node, Receiver receiver);

  void Send(const paxos::Message& message);

  void SetCut(NodeId from, NodeId to, bool cut);
  void HealCuts();

  // No more loss, doubling or clogging; latency and cuts stay.
  void Calm();

  uint64_t sent() const { return sent_; }
  uint64_t disturbed() const { return disturbed_; }  // lost, doubled, held up or cut off

 private:
  struct Link {
    bool cut = false;
    absl::Duration last_arrival;
  };

  Link& LinkOf(NodeId from, NodeId to);
  void Schedule(const paxos::Message& message, Link& link);

  World& world_;
  NetworkOptions options_;
  Random random_;
  const size_t nodes_;
  std::vector<Link> links_;
  std::vector<Receiver> receivers_;
  uint64_t sent_ = 0;
  uint64_t disturbed_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NETWORK_H_
