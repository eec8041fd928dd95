// What a simulated node keeps when its process dies: its disk, with the acceptor log, the state
// directories and snapshots, and the durable state of its engine. Opened and recovered as
// node::DataDir does it.
#ifndef SYNOD_TESTS_SIM_NODE_STORAGE_H_
#define SYNOD_TESTS_SIM_NODE_STORAGE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "common/random.h"
#include "services/kv/state_machine.h"
#include "services/paxos/configuration.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/engine.h"
#include "services/storage/memory_disk.h"
#include "services/storage/state_directories.h"
#include "tests/sim/disk.h"

namespace synod::sim {

inline constexpr ClusterId kCluster{1};
inline constexpr GroupId kGroup{1};
inline constexpr char kLogDir[] = "log";

inline constexpr char kDataDir[] = "data";  // the state's directories, snapshots

// What one life of a node works with. Destroyed in reverse order of dependence.
struct OpenState {
  std::unique_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;
};
struct OpenStorage : OpenState {
  std::unique_ptr<storage::AcceptorLog> log;
  std::unique_ptr<storage::StateDirectories> directories;
  OpenState incoming;  // a snapshot that is about to take the state's place
  paxos::RecoveredState recovered;
  bool state_lost = false;  // to damage: the engine began anew
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

  // Of an open storage: a copy of its state, brought up to date, in `dir`; and of which slot.
  absl::StatusOr<Slot> Checkpoint(OpenStorage& open, const std::string& dir) const;

  // The steps of installing a complete download (services/node/snapshot_fetch.h); each survives a
  // crash. The log forgets its votes before the state changes: what it still holds below the slot
  // must never be taught (acceptor_log.h).
  // DataLoss when the download has been damaged since.
  absl::Status OpenIncoming(OpenStorage& open) const;
  absl::Status CutLog(OpenStorage& open) const;
  void TakeIncoming(OpenStorage& open) const;
  absl::Status ExchangeDirectories(OpenStorage& open) const;

  // As of the slot that the machine has applied.
  absl::StatusOr<paxos::ConfigurationHistory> Configurations(const OpenStorage& open) const;

  // Precondition of both: no process uses it.
  void Wipe();
  void LoseState();  // and every snapshot

  Disk& disk() { return disk_; }
  // For planted bugs.
  storage::MemoryDisk& engine_disk() { return *engine_disk_; }

 private:
  absl::Status OpenLog(OpenStorage& open);
  absl::Status OpenDirectories(OpenStorage& open);
  absl::Status OpenStateIn(const std::string& dir, OpenState& open) const;
  absl::Status OpenOrReplaceState(OpenStorage& open);
  absl::Status LoadState(OpenStorage& open);
  absl::Status FinishInstalling(OpenStorage& open);

  const Options options_;
  std::vector<NodeId> contacts_;
  Random instances_;
  Coverage& coverage_;
  Disk disk_;
  std::shared_ptr<storage::MemoryDisk> engine_disk_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NODE_STORAGE_H_
