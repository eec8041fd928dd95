// The links between nodes: each message goes through the peer codec, is delayed, and may be lost,
// doubled, overtaken or held up; each direction of each link has its own speed, can be cut, clogged
// (everything waits) and swept by storms.
//
// A cut swallows what is sent while it lasts; what was already under way still arrives.
#ifndef SYNOD_TESTS_SIM_NETWORK_H_
#define SYNOD_TESTS_SIM_NETWORK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/random.h"
#include "services/paxos/message.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct NetworkOptions {
  absl::Duration latency = absl::Milliseconds(1);  // mean of the random part
  bool uneven = false;  // each link's own mean is a quarter to four times that
  double loss = 0;
  double duplication = 0;
  double clog = 0;  // chance that a message is held up for about clog_time
  absl::Duration clog_time = absl::Seconds(1);
  bool ordered = false;  // as over one TCP connection: no message overtakes another on its link
  bool encoded = true;   // messages travel as the bytes of the real codec
};

class Network {
 public:
  using Receiver = std::function<void(paxos::Message)>;

  // For nodes 1..nodes.
  Network(World& world, NetworkOptions options, Random random, int nodes);

  // Whoever receives decides whether it is alive.
  void Attach(NodeId node, Receiver receiver);

  void Send(const paxos::Message& message);

  // One piece of a bulk stream, which is a connection of its own: its pieces arrive in the order in
  // which they are sent. False when the connection breaks over it, and it does not arrive.
  bool Carry(NodeId from, NodeId to, EventLoop::Action arrive);

  // Cuts add up: a link works again when each is mended.
  void Cut(NodeId from, NodeId to);
  void Mend(NodeId from, NodeId to);
  // What is sent from now on arrives when that time is over.
  void Clog(NodeId from, NodeId to, absl::Duration time);
  void Storm(NodeId from, NodeId to, absl::Duration time);
  // Takes back all of the above.
  void HealLinks();

  // No more loss, doubling or clogging; latency and cuts stay.
  void Calm();
  // When the last message sent so far arrives.
  absl::Duration busy_until() const { return busy_until_; }

  uint64_t sent() const { return sent_; }
  uint64_t disturbed() const { return disturbed_; }  // lost, doubled, held up or cut off

 private:
  struct Link {
    absl::Duration latency;
    int cuts = 0;
    absl::Duration clogged_until;
    absl::Duration stormy_until;
    absl::Duration last_arrival;
    absl::Duration last_piece;  // of a bulk stream
  };

  Link& LinkOf(NodeId from, NodeId to);
  void Schedule(const paxos::Message& message, Link& link);
  absl::Duration DrawDelay(Link& link);
  void Arrive(const std::string& bytes, NodeId from, NodeId to);

  World& world_;
  absl::Duration busy_until_;
  NetworkOptions options_;
  Random random_;
  Random bulk_random_;
  const size_t nodes_;
  std::vector<Link> links_;
  std::vector<Receiver> receivers_;
  uint64_t sent_ = 0;
  uint64_t disturbed_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NETWORK_H_
