// The ordered key-value engine under the state machine: RocksDB in production, a map in the
// simulator.
//
// Writes are atomic per batch and volatile until a flush: the Paxos log is the log, the engine has
// none of its own. What survives a crash is a prefix of the batches, never a part of one.
//
// Thread-safety: one writer; Get, snapshots and iterators from any thread.
#ifndef SYNOD_SERVICES_STORAGE_ENGINE_H_
#define SYNOD_SERVICES_STORAGE_ENGINE_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace synod::storage {

// Keys within a column are ordered bytewise.
enum class Column { kMeta, kCurrent, kHistory };
inline constexpr int kColumns = 3;

class EngineBatch {
 public:
  virtual ~EngineBatch() = default;
  virtual void Put(Column column, absl::string_view key, absl::string_view value) = 0;
  virtual void Delete(Column column, absl::string_view key) = 0;
  virtual void Clear() = 0;
};

// Walks [lower, upper) of one column; an empty upper bound means "to the end".
//   for (it->SeekToFirst(); it->Valid(); it->Next()) ...   then check status().
class EngineIterator {
 public:
  virtual ~EngineIterator() = default;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(absl::string_view key) = 0;         // first key >= key within the bounds
  virtual void SeekForPrev(absl::string_view key) = 0;  // last key <= key within the bounds
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual absl::string_view key() const = 0;    // until the next move
  virtual absl::string_view value() const = 0;  // until the next move
  virtual absl::Status status() const = 0;
};

class EngineReader {
 public:
  virtual ~EngineReader() = default;
  // False when absent. A read error or bad checksum is DataLoss.
  virtual absl::StatusOr<bool> Get(Column column, absl::string_view key,
                                   std::string* value) const = 0;
  virtual std::unique_ptr<EngineIterator> NewIterator(Column column, absl::string_view lower,
                                                      absl::string_view upper) const = 0;
};

class Engine : public EngineReader {
 public:
  virtual std::unique_ptr<EngineBatch> NewBatch() = 0;

  // Atomic over all columns; visible to later reads when it returns.
  virtual absl::Status Write(EngineBatch& batch) = 0;

  // A frozen view of all columns. May outlive later writes, not the engine.
  virtual std::shared_ptr<const EngineReader> Snapshot() = 0;

  // Makes all writes so far durable, columns together. Blocks; for start, stop and log cutting.
  virtual absl::Status Flush() = 0;

  // The value that `key` of kMeta has in the durable state; false when it has none there. How the
  // state machine learns which applied slot would survive a crash now.
  virtual absl::StatusOr<bool> GetDurableMeta(absl::string_view key, std::string* value) = 0;

  // Lets go of the keys of [lower, upper), which the caller reads no more, neither now nor through
  // an older snapshot nor after a crash: frees the files that hold nothing else, at once and for
  // good, and rewrites none. What is left shares a file with other keys or is not flushed yet, may
  // still be seen, and goes when a later call covers it.
  virtual absl::Status DropRange(Column column, absl::string_view lower,
                                 absl::string_view upper) = 0;

  // Rewrites files until nothing erased or replaced takes room any more, as far as snapshots allow.
  // Takes long and some space for a while; others read and write meanwhile. Cancelled soon after
  // `*cancel` turns true. Any thread.
  virtual absl::Status Defragment(std::atomic<bool>* cancel) = 0;

  // A consistent copy at `dir` (must not exist) that shares files with this one.
  virtual absl::Status Checkpoint(const std::string& dir) = 0;

  // Bytes on disk and in memory tables: etcd's dbSize; and of live data: dbSizeInUse.
  virtual uint64_t SizeBytes() const = 0;
  virtual uint64_t SizeInUseBytes() const = 0;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ENGINE_H_
