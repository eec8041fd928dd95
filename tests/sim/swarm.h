// What one run is made of, drawn from its seed alone: sizes, speeds, workload, and which faults
// happen at all. Leaving whole faults out lets others show what they alone can break (swarm
// testing: Groce et al. 2012).
#ifndef SYNOD_TESTS_SIM_SWARM_H_
#define SYNOD_TESTS_SIM_SWARM_H_

#include <cstdint>
#include <string>

#include "common/random.h"
#include "tests/sim/balancer.h"
#include "tests/sim/client.h"
#include "tests/sim/fault.h"
#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace synod::sim {

struct RunOptions {
  int nodes = 3;
  int spares = 0;      // nodes that may join
  uint64_t frail = 0;  // bit per node: whose disks may lose what they hold; a minority
  int clients = 4;
  int balancers = 0;  // 0: clients talk to the nodes
  NodeOptions node;   // without identity, voters and drift
  BalancerOptions balancer;
  double clock_drift = 0;  // each node's tick is this much longer or shorter at most
  NetworkOptions network;
  ClientOptions client;
  absl::Duration faulty_time = absl::Seconds(20);  // the safety phase
  Schedule schedule;                               // of its faults
};

RunOptions DrawRunOptions(Random random);

// Puts balancers in front of the clusters of some seeds. By numbers of its own: what there was of a
// run without them stays as it is.
void DrawBalancers(uint64_t seed, RunOptions& options);

// One line for people.
std::string DescribeRun(const RunOptions& options);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SWARM_H_
