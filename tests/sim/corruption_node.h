// One node of the corruption matrix: the real log, recovery and core on a disk image, driven as
// ready.h says. Everything happens at once and in order; the only time is ticks.
#ifndef SYNOD_TESTS_SIM_CORRUPTION_NODE_H_
#define SYNOD_TESTS_SIM_CORRUPTION_NODE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/paxos/configuration.h"
#include "services/paxos/replica.h"
#include "services/storage/acceptor_log.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::sim {

inline constexpr GroupId kMatrixGroup{1};
// Holds a record behind all others where the end of the log must be certain.
inline constexpr GroupId kTrailingGroup{2};

storage::AcceptorLogOptions MatrixLogOptions(NodeId node);
paxos::ConfigurationHistory MatrixConfiguration();
constexpr uint64_t MatrixInstance(NodeId node) {
  return 1000 + node.value();
}

// The applied state of a node: what a snapshot carries. Durable at once.
struct MatrixState {
  Slot applied;
  paxos::ConfigurationHistory configurations = MatrixConfiguration();
  std::map<Slot, paxos::Value> values;
};

class MatrixNode {
 public:
  // `forgets`: the planted bug; recovery takes what cannot be read for never written.
  MatrixNode(NodeId id, std::unique_ptr<storage::FaultEnv> disk, MatrixState state, bool forgets);

  // Recovers. On an error the node stays down.
  absl::Status Start();
  bool running() const { return replica_ != nullptr; }

  // Where a snapshot comes from.
  using Peers = std::function<const MatrixNode&(NodeId)>;

  void Step(paxos::Message message) { replica_->Step(std::move(message)); }
  void Tick() { replica_->Tick(); }
  // Carries out everything that is due; messages go behind `out`.
  void Drive(const Peers& peers, std::vector<paxos::Message>& out);
  bool Propose(const std::string& payload);

  paxos::ReplicaStatus status() const { return replica_->status(); }
  NodeId id() const { return id_; }
  const MatrixState& state() const { return state_; }

 private:
  void Apply(const paxos::ChosenValue& chosen);
  void Teach(const paxos::LearnReply& reply, std::vector<paxos::Message>& out) const;
  void Install(const MatrixState& snapshot);

  const NodeId id_;
  const bool forgets_;
  const std::unique_ptr<storage::FaultEnv> disk_;
  MatrixState state_;
  std::unique_ptr<storage::AcceptorLog> log_;
  std::unique_ptr<paxos::Replica> replica_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_CORRUPTION_NODE_H_
