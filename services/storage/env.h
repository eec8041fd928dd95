// The few things Synod's own storage asks of a filesystem, so that the simulator can stand in for
// it: torn writes, lost syncs, bit rot, EIO and ENOSPC are injected here and nowhere else.
//
// Durability contract, as POSIX leaves it: WriteAt is volatile until Sync of the same file returns
// OK; Create, Rename and Remove are volatile until SyncDir of the directory returns OK.
// After a failed Sync the file's durable content is unknown; callers stop the process.
#ifndef SYNOD_SERVICES_STORAGE_ENV_H_
#define SYNOD_SERVICES_STORAGE_ENV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace synod::storage {

// Thread-safety: one writer at a time; ReadAt may run beside it.
class File {
 public:
  virtual ~File() = default;

  // Writes all of `data` or fails.
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view data) = 0;

  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const = 0;

  // fdatasync: what was written before the call is durable when it returns OK.
  virtual absl::Status Sync() = 0;

  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

// Held until destroyed, and released by the system when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Thread-safety: safe for concurrent use on different paths.
class Env {
 public:
  virtual ~Env() = default;

  // NotFound when it does not exist.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;

  // A new file of `size` bytes that read as zero and whose blocks are allocated and written, so
  // that a later sync has no metadata to flush. AlreadyExists when the path is taken. Not durable
  // before Sync and SyncDir.
  virtual absl::StatusOr<std::unique_ptr<File>> CreateZeroed(const std::string& path,
                                                             uint64_t size) = 0;

  // Replaces `to` if it exists.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A file, or an empty directory; NotFound when there is neither.
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status SyncDir(const std::string& dir) = 0;
  virtual absl::Status CreateDirs(const std::string& dir) = 0;

  // Names (without the directory) in ascending order; NotFound when there is no such directory.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& dir) = 0;

  // Takes the lock of `path`, creating the file when absent, and writes the holder's name into it.
  // FailedPrecondition, naming the holder, when another process or another FileLock has it.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // The operating system's filesystem. Lives for ever.
  static Env* Posix();
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ENV_H_
