// A simulated balancer: the real turn of the control plane, the real router and the real rules of
// replay, and in place of streams and sockets messages in virtual time.
//
// What travels between it and a node stays in order, as over TCP, and what a stall holds up arrives
// when the stall is over. It remembers nothing beyond its process: after a crash another one begins
// with its seeds alone. Rules:
//   B1. It routes by the leader of the highest ballot it has been told of.
//   B2. A node that has been down for long gets no calls.
#ifndef SYNOD_TESTS_SIM_BALANCER_H_
#define SYNOD_TESTS_SIM_BALANCER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "balancer/control/view_keeper.h"
#include "balancer/policies/replay.h"
#include "balancer/policies/router.h"
#include "common/random.h"
#include "tests/sim/deliver.h"
#include "tests/sim/node.h"
#include "tests/sim/plant.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct BalancerOptions {
  balancer::Settings settings;
  int seeds = 3;                                     // nodes 1..seeds are its --backends
  absl::Duration latency = absl::Microseconds(200);  // to a node, one way
  Plant plant = Plant::kNone;
};

class Balancer {
 public:
  // Who outlives it.
  struct Surroundings {
    const std::vector<std::unique_ptr<Node>>& nodes;          // 1, 2, ...
    const std::vector<std::unique_ptr<Balancer>>& balancers;  // this one too
    History& history;
  };

  Balancer(World& world, const Surroundings& around, BalancerOptions options, Random random);
  ~Balancer();

  void Start();
  // Whoever waits for an answer learns that there is none.
  void Crash();
  void Restart() {
    if (!running()) Start();
  }
  bool running() const { return process_.alive(); }

  // For as long, what goes to the node and comes from it waits; or only what it tells of itself.
  void Stall(NodeId node, absl::Duration time);
  void HoldViews(NodeId node, absl::Duration time);
  void Heal();

  // Precondition: running. Whether it looks for this node; what else its --backends name from now.
  bool Follows(NodeId node) const;
  void AddSeeds(const std::vector<NodeId>& nodes);

  // Precondition: running. `done` runs once unless the call is cancelled.
  void Call(size_t operation, ReplyDone done);
  // The client has given up.
  void Cancel(size_t operation);

 private:
  // One connection to a node.
  struct Wire {
    absl::Duration stalled_until;
    absl::Duration views_held_until;
    absl::Duration last_there;  // the latest arrival so far, each way, and of views
    absl::Duration last_back;
    absl::Duration last_view;
  };
  // What control/follower.h does for one address.
  struct Following {
    uint64_t stream = 0;  // 0: none open
    uint64_t node_life = 0;
    absl::Duration heard_at;
    absl::Duration retry_at;
    balancer::LeaderBallot ballot;  // as it was told, with its leader
    uint64_t leader = 0;
  };
  struct PendingCall {
    ReplyDone done;
    std::vector<std::string> tried;
    int attempts = 0;
    bool maybe_executed = false;
    // The attempt under way.
    uint64_t attempt = 0;
    balancer::Route route;
    balancer::ActiveCall active;
    size_t node = 0;         // index
    uint64_t node_life = 0;  // 0: nobody was there to connect to
    bool to_stale_leader = false;
  };
  // Dies with the process.
  struct Life {
    explicit Life(uint64_t seed, const balancer::Wishes& wishes);

    balancer::ViewKeeper keeper{/*generic=*/false, balancer::EjectionOptions()};
    balancer::FactsByAddress facts;
    std::map<std::string, Following> following;  // by address
    std::shared_ptr<const balancer::View> view;
    balancer::Router router;
    balancer::RetryBudget budget;
    std::map<size_t, PendingCall> calls;  // by operation
    std::vector<absl::Duration> seen_up;  // by node
    balancer::LeaderBallot highest;
    uint64_t leader = 0;
  };

  bool Planted(Plant plant) const { return options_.plant == plant; }

  // The control plane: balancer.cc.
  void Turn();
  void Follow();
  void Open(const std::string& address, Following& following);
  void Publish(const std::string& address, uint64_t stream);
  void Hear(const std::string& address, uint64_t stream, balancer::NodeView view);
  void Disconnect(const std::string& address, const std::string& problem);
  balancer::FactsByAddress BentFacts() const;
  void CheckLeader();
  void SpotDifferences();
  absl::Duration DelayOver(absl::Duration stalled_until, absl::Duration& last);
  size_t NodeAt(const std::string& address) const;

  // The data plane: balancer_calls.cc.
  void StartAttempt(size_t operation);
  void Arrive(size_t operation, uint64_t attempt, size_t node, uint64_t node_life);
  void OnReply(size_t operation, uint64_t attempt, Reply&& reply);
  void AttemptFailed(size_t operation, uint64_t attempt, bool unprocessed);
  void DropLostCalls();
  void CheckAlive(const PendingCall& call);
  PendingCall* Find(size_t operation, uint64_t attempt);
  void End(size_t operation, Reply&& reply);

  World& world_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  const std::vector<std::unique_ptr<Balancer>>& balancers_;
  History& history_;
  const BalancerOptions options_;
  balancer::Wishes wishes_;
  Random random_;
  Process process_;
  std::vector<Wire> wires_;  // by node
  uint64_t next_stream_ = 1;
  uint64_t next_attempt_ = 1;
  std::unique_ptr<Life> life_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_BALANCER_H_
