// The giving side of snapshots in a simulated node: the real node::SnapshotStore on the node's
// disk, and its streams in virtual time. One life long.
#ifndef SYNOD_TESTS_SIM_SNAPSHOT_GIVER_H_
#define SYNOD_TESTS_SIM_SNAPSHOT_GIVER_H_

#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/random.h"
#include "services/node/snapshot_store.h"
#include "tests/sim/process.h"
#include "tests/sim/snapshot_stream.h"

namespace synod::sim {

class SnapshotGiver {
 public:
  struct Options {
    node::SnapshotStore::Options store;
    absl::Duration pace = absl::Microseconds(100);  // mean time between pieces
  };
  // False when the connection broke over it.
  using Send = std::function<bool(SnapshotPiece)>;

  // The references and pointers outlive it.
  SnapshotGiver(Process& process, const Clock* clock, storage::Env* env,
                node::SnapshotStore::Checkpoint checkpoint, Options options, Random random,
                Send send);

  void Serve(const SnapshotRequest& request);

  // Now and then.
  void RemoveIdle() { store_.RemoveIdle(); }

 private:
  struct Stream {
    StreamId id;
    std::shared_ptr<const rpc::SnapshotSource> source;
    rpc::SnapshotPlace at;
  };

  void Continue(std::shared_ptr<Stream> stream);
  void SendNext(const std::shared_ptr<Stream>& stream);

  Process& process_;
  const Options options_;
  Random random_;
  const Send send_;
  node::SnapshotStore store_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SNAPSHOT_GIVER_H_
