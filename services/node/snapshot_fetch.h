// Getting a snapshot from another member and putting it in the place of this node's state.
//
//   1. all files come in, are verified and durable, and are declared complete;
//   2. the new state is opened beside the old one, and every block of it read: rot does not
//      spread. From here on nothing more is applied to the old one;
//   3. the log is cut through the snapshot's slot, durably: what it holds there may have lost to
//      what was chosen, and nobody may be taught it;
//   4. the state is replaced; reads go on, first on the old one, then on the new;
//   5. the directories are exchanged by one rename.
// A crash before 3 changes nothing, one behind it looks like a lost state and is finished at the
// start (data_dir.h). A snapshot that turns out to be of no use before 3 leaves the log as it is:
// the state that stays may have applied more than is durable, and only the log has that.
//
// Thread-safety: Fetch on one thread; the others from any.
#ifndef SYNOD_SERVICES_NODE_SNAPSHOT_FETCH_H_
#define SYNOD_SERVICES_NODE_SNAPSHOT_FETCH_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/log/log.h"
#include "services/node/applied_state.h"
#include "services/node/fatal.h"
#include "services/rpc/snapshot_call.h"
#include "services/storage/snapshot_download.h"
#include "services/storage/state_directories.h"

namespace synod::node {

class SnapshotFetch {
 public:
  struct Shared {
    storage::StateDirectories* directories;  // this object's alone from now on
    AppliedState* state;
    Log* log;
    const Clock* clock;
    FatalHandler fatal;
  };

  struct Steps {
    // Cuts the log durably through the slot; OK when it is.
    std::function<absl::Status(Slot slot)> cut_log;

    // ApplyThread::Install.
    std::function<absl::Status(std::shared_ptr<State>, const std::function<absl::Status()>& cut)>
        replace_state;
  };

  SnapshotFetch(ClusterId cluster, NodeId self, Shared shared, Steps steps)
      : cluster_(cluster), self_(self), shared_(shared), steps_(std::move(steps)) {}

  // Blocks. The slot of the state that was installed; not OK: nothing has changed, and what has
  // come in is kept for the next try.
  absl::StatusOr<Slot> Fetch(const std::string& address, Slot at_least);

  // Ends the fetch under way, and all later ones, soon.
  void Cancel();

  // Ends the fetch under way, with DeadlineExceeded, when nothing has come for a while: the
  // sender's disk may hang though its connection lives. To be called every few seconds.
  void CancelIfStuck();

 private:
  absl::Status Download(const std::string& address, Slot at_least);
  // Goes on with `download`, or makes it.
  absl::Status DownloadRest(const std::string& address, Slot at_least,
                            std::unique_ptr<storage::SnapshotDownload>& download);
  absl::Status Call(const rpc::SnapshotCall::Request& request, const rpc::SnapshotCall::Sink& sink);
  void NoteProgress();
  bool cancelled();
  absl::StatusOr<Slot> Install();
  absl::Status ReplaceState(Slot slot);

  const ClusterId cluster_;
  const NodeId self_;
  const Shared shared_;
  const Steps steps_;

  absl::Mutex mutex_;
  rpc::SnapshotCall* call_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Duration progress_at_ ABSL_GUARDED_BY(mutex_);  // when something came last
  bool stuck_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_SNAPSHOT_FETCH_H_
