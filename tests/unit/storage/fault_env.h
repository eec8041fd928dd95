// A filesystem in memory that loses what was not synced, as a crashing machine does: sectors one by
// one, directory entries in order. Counts the operations that change something and fails from a
// chosen one on, so that a test can crash at every point.
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_UNIT_STORAGE_FAULT_ENV_H_
#define SYNOD_TESTS_UNIT_STORAGE_FAULT_ENV_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "services/storage/env.h"

namespace synod::storage {

class FaultEnv final : public Env {
 public:
  FaultEnv() = default;

  // A deep copy, all of it durable: a disk image to experiment on.
  std::unique_ptr<FaultEnv> Clone() const;

  // The operation with this number (counted from 1, from now on) fails, and so do all later ones.
  void FailFrom(uint64_t operation);
  uint64_t operations() const { return operations_; }
  uint64_t file_syncs() const { return file_syncs_; }

  // While the disk is full no file is made.
  void SetFull(bool full) { full_ = full; }

  // Reads that touch these bytes of the file fail from now on.
  void MakeUnreadable(const std::string& path, uint64_t offset, uint64_t size);

  // The machine loses power: of what was not synced a random part stays. Nothing fails any more.
  void LosePower(Random& random);

  // The process dies and the system lives on: everything written stays.
  void KillProcess();

  // Runs once, in the middle of the next read.
  std::function<void()> during_read;

  std::vector<std::string> Paths() const;
  std::string& Contents(const std::string& path);  // precondition: exists

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> CreateZeroed(const std::string& path,
                                                     uint64_t size) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDir(const std::string& dir) override;
  absl::Status CreateDirs(const std::string& dir) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class OpenFile;
  class HeldLock;
  struct Inode {
    std::string data;
    std::string durable;
    std::set<uint64_t> dirty;       // sectors
    std::set<uint64_t> unreadable;  // sectors
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  absl::Status Count();
  // One change of directories: names that come (with a file) and go (without).
  using NameChange = std::vector<std::pair<std::string, std::shared_ptr<Inode>>>;
  void ChangeNames(NameChange change);
  static void Apply(const NameChange& change, Names& names);

  Names names_;
  Names durable_names_;
  std::vector<NameChange> name_changes_;  // that no SyncDir covers, in order
  std::set<std::string> dirs_;
  std::set<std::string> locked_;
  bool full_ = false;
  uint64_t operations_ = 0;
  uint64_t file_syncs_ = 0;
  std::optional<uint64_t> fail_from_;
};

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_FAULT_ENV_H_
