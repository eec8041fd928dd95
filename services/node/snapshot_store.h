// Snapshots of this node's state for members that are too far behind: made when asked for, shared
// by all who ask meanwhile, and removed some time after the last use. One that nobody has read of
// stays longer: to make it may take more time than the one who asked had patience.
//
// Thread-safety: all methods from any thread; Open blocks.
#ifndef SYNOD_SERVICES_NODE_SNAPSHOT_STORE_H_
#define SYNOD_SERVICES_NODE_SNAPSHOT_STORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/ids.h"
#include "services/rpc/snapshot_source.h"
#include "services/storage/env.h"
#include "services/storage/snapshot.h"

namespace synod::node {

class SnapshotStore {
 public:
  // Makes a copy of the durable state in a directory and says of which slot it is.
  using Checkpoint = std::function<absl::StatusOr<Slot>(const std::string& dir)>;

  struct Options {
    std::string dir;  // this store's alone; what an earlier life left in it is removed
    ClusterId cluster;
    size_t chunk_bytes = storage::kMaxSnapshotChunkBytes;
    // A member whose connection broke comes back for the rest well within this.
    absl::Duration keep = absl::Seconds(30);
    // Who gave up while a large one was made asks all the others before it comes back. Until then
    // the copy costs what has changed in the meantime.
    absl::Duration keep_unread = absl::Minutes(10);
  };

  // The pointers outlive it.
  SnapshotStore(Options options, storage::Env* env, Checkpoint checkpoint, const Clock* clock);
  ~SnapshotStore();

  // One of this slot or later; with an id exactly that one, NotFound when it is gone.
  absl::StatusOr<std::shared_ptr<const rpc::SnapshotSource>> Open(Slot at_least, uint64_t id);

  // Ends an Open that reads its snapshot, however large, and those to come: with Cancelled.
  void Stop() { stopping_.store(true); }

  // Removes what has not been in use for a while. Call it every few seconds.
  void RemoveIdle();

 private:
  class Snapshot;

  // A new one in `dir`; FailedPrecondition when the state is not there yet.
  absl::StatusOr<std::shared_ptr<const Snapshot>> Make(const std::string& dir, Slot at_least);

  const Options options_;
  storage::Env* const env_;
  const Checkpoint checkpoint_;
  const Clock* const clock_;

  std::atomic<bool> stopping_ = false;

  absl::Mutex mutex_;
  uint64_t made_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Snapshot> newest_ ABSL_GUARDED_BY(mutex_);
  absl::Duration used_at_ ABSL_GUARDED_BY(mutex_);  // asked for, or seen in use
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_SNAPSHOT_STORE_H_
