// A client: one operation at a time, against a node or a balancer of its choice, with a deadline;
// everything it saw goes into the history.
#ifndef SYNOD_TESTS_SIM_CLIENT_H_
#define SYNOD_TESTS_SIM_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/sim/balancer.h"
#include "tests/sim/deliver.h"
#include "tests/sim/history.h"
#include "tests/sim/node.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct ClientOptions {
  absl::Duration think_time = absl::Milliseconds(20);
  absl::Duration latency = absl::Microseconds(200);  // to a node, one way
  absl::Duration deadline = absl::Seconds(5);
  int keys = 8;
  double reads = 0.5;         // share of operations
  double serializable = 0.1;  // share of reads
  double move = 0.1;          // chance of changing the node before an operation
  double compactions = 0;     // of writes
  size_t max_value_bytes = 64;
  uint64_t max_operations = 0;  // then the client stops; 0: no end
  bool monotonic = false;       // asks reads for what it has seen, or newer
};

class Client {
 public:
  // Who outlives it. Calls go to a balancer when there is one.
  struct Surroundings {
    const std::vector<std::unique_ptr<Node>>& nodes;
    const std::vector<std::unique_ptr<Balancer>>& balancers;
    History& history;
  };

  Client(World& world, const Surroundings& around, int number, ClientOptions options,
         Random random);

  void Start();
  // No more operations after the one under way.
  void Stop() { active_ = false; }

  bool idle() const { return !waiting_; }
  uint64_t succeeded() const { return succeeded_; }

 private:
  void Think(absl::Duration time);
  void Begin();
  void Send(size_t index);
  void SendToBalancer(size_t index, ReplyDone done);
  void Finish(size_t index, Reply reply);
  void GiveUp(size_t index);
  // True when the operation in hand is `index` and this is its first end.
  bool End(size_t index, Outcome outcome);
  void PickTarget();
  kv::Request DrawWrite();
  kv::TxnRequest DrawTxn();
  kv::RangeRequest DrawRead();
  std::string DrawKey();
  std::string NextValue();

  World& world_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  const std::vector<std::unique_ptr<Balancer>>& balancers_;
  History& history_;
  const int number_;
  const ClientOptions options_;
  Random random_;
  bool active_ = false;
  bool waiting_ = false;
  size_t current_ = 0;   // in the history
  size_t node_ = 0;      // in use when there is no balancer
  size_t balancer_ = 0;  // the one in use
  uint64_t values_ = 0;
  uint64_t begun_ = 0;
  uint64_t succeeded_ = 0;
  kv::Revision seen_revision_ = 0;    // by writes
  kv::Revision newest_revision_ = 0;  // by anything
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_CLIENT_H_
