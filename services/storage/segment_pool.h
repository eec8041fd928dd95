// Supplies the acceptor log with empty segments, and takes back those it has cut: their blocks are
// allocated and written already, so they become the next segments under new ids.
//
// With spares wanted, a thread of the pool's own zero-fills and renames off the write path. With
// none wanted there is no thread and everything happens inside Take and Recycle, which suits a
// simulator.
//
// Thread-safety: Take and Recycle from the log's thread.
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

  // An empty segment whose files are durable. Waits for one under way; makes one when there is
  // none.
  absl::StatusOr<std::shared_ptr<Segment>> Take();

  // The log needs this segment no more and says so durably. Its files are used again, or removed
  // when enough are at hand or they are damaged; failing to do so costs space only and is tried
  // again at the next Open.
  void Recycle(const Segment& segment);

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
  absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Segment>> ready_ ABSL_GUARDED_BY(mutex_);
  std::deque<uint64_t> retired_ ABSL_GUARDED_BY(mutex_);  // ids of files to be used again
  bool preparing_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;  // the thread's last attempt; Take tries again
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread worker_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SEGMENT_POOL_H_
