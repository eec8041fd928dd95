// What a simulated node keeps when its process dies: its disk with the acceptor log, and the
// durable state of its engine.
#ifndef SYNOD_TESTS_SIM_NODE_STORAGE_H_
#define SYNOD_TESTS_SIM_NODE_STORAGE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "common/random.h"
#include "services/kv/state_machine.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/engine.h"
#include "services/storage/memory_engine.h"
#include "tests/sim/disk.h"

namespace synod::sim {

inline constexpr GroupId kGroup{1};

// What one life of a node works with. Destroyed in reverse order of dependence.
struct OpenStorage {
  std::unique_ptr<storage::AcceptorLog> log;
  std::unique_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;
  paxos::RecoveredState recovered;
};

class NodeStorage {
 public:
  // `coverage` outlives it.
  NodeStorage(NodeId node, const std::vector<NodeId>& voters, uint64_t segment_bytes, Random random,
              Coverage& coverage);

  // Recovers from whatever the last life left.
  absl::StatusOr<OpenStorage> Open();

  Disk& disk() { return disk_; }

 private:
  const NodeId node_;
  const paxos::ConfigurationHistory first_;
  const uint64_t instance_;
  const uint64_t segment_bytes_;
  Disk disk_;
  std::shared_ptr<storage::MemoryDisk> engine_disk_ = std::make_shared<storage::MemoryDisk>();
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NODE_STORAGE_H_
