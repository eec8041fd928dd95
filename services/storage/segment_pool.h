// Supplies the acceptor log with empty segments, and takes back those it has cut: their blocks are
// allocated and written already, so they become the next segments under new ids.
//
// There is always one segment ahead of need. It is the reserve for a full disk: when no further one
// can be made, the log learns of it with a whole empty segment before it, enough for what makes
// room again.
//
// With spares wanted, a thread of the pool's own zero-fills and renames off the write path. With
// none wanted there is no thread, one is kept all the same, and everything happens inside Reserve,
// Take and Recycle, which suits a simulator.
//
// Thread-safety: Reserve, Take and Recycle from the log's thread; short_of_space from any.
#ifndef SYNOD_SERVICES_STORAGE_SEGMENT_POOL_H_
#define SYNOD_SERVICES_STORAGE_SEGMENT_POOL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/steady_wait.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "services/storage/segment.h"

namespace synod::storage {

struct SegmentPoolOptions {
  std::string dir;
  LogIdentity identity;
  uint64_t segment_bytes = 0;
  int spares = 0;
  uint64_t next_id = 1;  // above the ids of all segments that ever held a record
};

class SegmentPool {
 public:
  SegmentPool(Env* env, SegmentPoolOptions options);
  ~SegmentPool();
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  // Tries to have a segment ahead of need, if there is no thread to do so.
  void Reserve();

  // An empty segment whose files are durable. Waits for one under way; makes one when there is
  // none. ResourceExhausted when the disk is full.
  absl::StatusOr<std::shared_ptr<Segment>> Take();

  // The log needs this segment no more and says so durably. Its files are used again, or removed
  // when enough are at hand or they are damaged; failing to do so costs space only and is tried
  // again at the next Open.
  void Recycle(const Segment& segment);

  // The last attempt to make a segment failed for lack of space.
  bool short_of_space() const;

 private:
  void Work();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Idle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !preparing_; }
  absl::StatusOr<std::shared_ptr<Segment>> PrepareUnlocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::shared_ptr<Segment>> Prepare(uint64_t id, std::optional<uint64_t> retired);
  absl::StatusOr<std::unique_ptr<File>> PrepareFile(const std::string& path, uint64_t bytes,
                                                    const std::optional<std::string>& retired);
  void RemoveFiles(uint64_t id);

  Env* const env_;
  const SegmentPoolOptions options_;
  mutable absl::Mutex mutex_;
  SteadyCondVar work_;  // there may be some for the thread
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Segment>> ready_ ABSL_GUARDED_BY(mutex_);
  std::deque<uint64_t> retired_ ABSL_GUARDED_BY(mutex_);  // ids of files to be used again
  bool preparing_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;  // the thread's last attempt; it waits a while
  bool short_of_space_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread worker_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_POOL_H_
