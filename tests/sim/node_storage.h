// What a simulated node keeps when its process dies: its disk with the acceptor log, the durable
// state of its engine, and a snapshot that it has fetched and not installed yet.
#ifndef SYNOD_TESTS_SIM_NODE_STORAGE_H_
#define SYNOD_TESTS_SIM_NODE_STORAGE_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "common/random.h"
#include "services/kv/state_machine.h"
#include "services/paxos/configuration.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/engine.h"
#include "services/storage/memory_engine.h"
#include "tests/sim/disk.h"

namespace synod::sim {

inline constexpr GroupId kGroup{1};
inline constexpr char kLogDir[] = "log";

// What one life of a node works with. Destroyed in reverse order of dependence.
struct OpenStorage {
  std::unique_ptr<storage::AcceptorLog> log;
  std::unique_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;
  paxos::RecoveredState recovered;
};

// A durable state, as one node hands it to another.
struct Snapshot {
  Slot slot;
  storage::MemoryImage image;
};

class NodeStorage {
 public:
  struct Options {
    NodeId node;
    std::vector<NodeId> voters;  // of the first configuration; empty for a node that joins later
    uint64_t segment_bytes = 64 << 10;
  };

  // `coverage` outlives it.
  NodeStorage(Options options, Random random, Coverage& coverage);

  // Whom a node that joins asks first.
  void SetContacts(std::vector<NodeId> contacts) { contacts_ = std::move(contacts); }

  // Recovers from whatever the last life left, and finishes an installation that it began.
  absl::StatusOr<OpenStorage> Open();

  // Of an open storage: its durable state, brought up to date.
  absl::StatusOr<Snapshot> Checkpoint(OpenStorage& open) const;

  // The three steps of an installation; each survives a crash. The log forgets its votes before the
  // state changes: what it still holds below the slot must never be taught (acceptor_log.h).
  void Keep(Snapshot snapshot) { fetched_ = std::move(snapshot); }
  void Discard() { fetched_.reset(); }
  absl::Status CutLog(OpenStorage& open) const;
  absl::Status SwapEngine(OpenStorage& open);
  const std::optional<Snapshot>& fetched() const { return fetched_; }

  // As of the slot that the machine has applied.
  absl::StatusOr<paxos::ConfigurationHistory> Configurations(const OpenStorage& open) const;

  // Precondition of both: no process uses it.
  void Wipe();
  void LoseEngine();

  Disk& disk() { return disk_; }

 private:
  absl::Status OpenEngine(OpenStorage& open) const;

  const Options options_;
  std::vector<NodeId> contacts_;
  Random instances_;
  Coverage& coverage_;
  Disk disk_;
  std::shared_ptr<storage::MemoryDisk> engine_disk_ = std::make_shared<storage::MemoryDisk>();
  std::optional<Snapshot> fetched_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NODE_STORAGE_H_
