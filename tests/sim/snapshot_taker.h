// The taking side of snapshots in a simulated node, up to the complete download: what
// node::SnapshotFetch does on a thread, in virtual time and with the real storage::SnapshotDownload
// on the node's disk. One life long.
#ifndef SYNOD_TESTS_SIM_SNAPSHOT_TAKER_H_
#define SYNOD_TESTS_SIM_SNAPSHOT_TAKER_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "common/ids.h"
#include "services/storage/env.h"
#include "services/storage/snapshot_download.h"
#include "services/storage/state_directories.h"
#include "tests/sim/process.h"
#include "tests/sim/snapshot_stream.h"
#include "tests/sim/world.h"

namespace synod::sim {

class SnapshotTaker {
 public:
  struct Options {
    NodeId self;
    ClusterId cluster;
    absl::Duration patience = absl::Milliseconds(500);  // with a stream that brings nothing
  };
  // Sends a request; it may get lost.
  using Ask = std::function<void(NodeId from, SnapshotRequest request)>;
  using Done = std::function<void(absl::Status)>;

  // The references and pointers outlive it.
  SnapshotTaker(World& world, Process& process, storage::Env* env,
                storage::StateDirectories* directories, Options options, Ask ask);

  // Until the incoming snapshot, of slot `at_least` or later, is complete, or no more tries are
  // left. One at a time. `done` runs once.
  void Fetch(NodeId from, Slot at_least, Done done);

  void Take(const SnapshotPiece& piece);

 private:
  void Try();
  void Watch();
  // As node::SnapshotFetch::Download goes on after `status`.
  void Retry(const absl::Status& status);
  void End(const absl::Status& status);
  absl::Status Start(const storage::SnapshotDescriptor& descriptor);
  absl::Status On(const SnapshotBegin& begin);
  absl::Status On(const SnapshotChunk& chunk);
  void OnEnd(const absl::Status& status);

  World& world_;
  Process& process_;
  storage::Env* const env_;
  storage::StateDirectories* const directories_;
  const Options options_;
  const Ask ask_;

  Done done_;  // set while a fetch is under way
  NodeId from_;
  Slot at_least_;
  int tries_ = 0;
  absl::Status last_;
  std::unique_ptr<storage::SnapshotDownload> download_;
  uint64_t snapshot_ = 0;  // the id of what comes in; 0: not known yet
  uint64_t stream_ = 0;    // the one under way
  uint64_t pieces_ = 0;    // ever taken
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SNAPSHOT_TAKER_H_
