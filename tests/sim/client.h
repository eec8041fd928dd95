// A client: one operation at a time, against a node of its choice, with a deadline; everything it
// saw goes into the history.
#ifndef SYNOD_TESTS_SIM_CLIENT_H_
#define SYNOD_TESTS_SIM_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/random.h"
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
  size_t max_value_bytes = 64;
  uint64_t max_operations = 0;  // then the client stops; 0: no end
};

class Client {
 public:
  Client(World& world, std::vector<std::unique_ptr<Node>>& nodes, History& history, int number,
         ClientOptions options, Random random);

  void Start();
  // No more operations after the one under way.
  void Stop() { active_ = false; }

  bool idle() const { return !waiting_; }
  uint64_t succeeded() const { return succeeded_; }

 private:
  void Think(absl::Duration time);
  void Begin();
  void SendWrite();
  void SendRead();
  void Finish(size_t index, WriteReply reply);
  void Finish(size_t index, ReadReply reply);
  // True when the operation in hand is `index` and this is its first end.
  bool End(size_t index, Outcome outcome);
  Node& PickNode();
  kv::Request DrawWrite();
  kv::TxnRequest DrawTxn();
  kv::RangeRequest DrawRead();
  std::string DrawKey();
  std::string NextValue();

  World& world_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  History& history_;
  const int number_;
  const ClientOptions options_;
  Random random_;
  bool active_ = false;
  bool waiting_ = false;
  size_t current_ = 0;  // in the history
  size_t node_ = 0;
  uint64_t values_ = 0;
  uint64_t begun_ = 0;
  uint64_t succeeded_ = 0;
  kv::Revision seen_revision_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_CLIENT_H_
