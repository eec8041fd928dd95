// One node's disk: what its processes see, and what would be left if power failed now.
//
// A process runs its writes in no virtual time, but they take effect over time: every write, sync
// and directory change goes to a journal, and Settle() says that the device has caught up. A crash
// before that picks a point in the journal: what lies behind it never happened, and of the writes
// and directory entries before it that no sync covers, each 512-byte sector is kept, lost or torn
// on its own.
//
// Beside crashes it can refuse writes, be full, and be damaged: bits flip, sectors are lost, lie
// elsewhere or cannot be read, files are cut short or missing (disk_damage.cc).
//
// Thread-safety: none; one run owns it.
#ifndef SYNOD_TESTS_SIM_DISK_H_
#define SYNOD_TESTS_SIM_DISK_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "services/storage/env.h"
#include "tests/sim/coverage.h"

namespace synod::sim {

inline constexpr size_t kDiskSector = 512;

enum class Damage {
  kBitRot,       // a bit flips
  kLostWrite,    // a sector never got its bytes, whatever the sync said
  kMisdirected,  // a sector got those of another
  kMisread,      // the next read of a sector gives those of another
  kUnreadable,   // reads of a sector fail until it is written again
  kCutShort,     // a file lost its end
  kMissing,      // a file is gone
};
inline constexpr int kDamages = static_cast<int>(Damage::kMissing) + 1;

class Disk final : public storage::Env {
 public:
  // `coverage` outlives the disk.
  Disk(Random random, Coverage& coverage) : random_(random), coverage_(coverage) {}

  // For planted bugs: a disk that says OK to syncs, of files or of directories, and does nothing.
  void IgnoreFileSyncs() { ignores_file_syncs_ = true; }
  void IgnoreDirectorySyncs() { ignores_directory_syncs_ = true; }

  enum class Trouble {
    kNone,
    kWritesFail,
    kSyncsFail,  // and what one should have covered no later one covers
    kFull,       // no file can be made or grow
  };
  void SetTrouble(Trouble trouble) { trouble_ = trouble; }
  bool troubled() const { return trouble_ != Trouble::kNone; }

  // Damages some file at or below `path`, of any kind, and says where; "" when nothing there fits.
  std::string StrikeBelow(Damage damage, const std::string& path, Random random);

  // Damages some place of `dir`, which holds a log, and says which; "" when nothing there fits. Of
  // the newest segment's newest writes it keeps off, and of all but one copy of the manifest: no
  // log can tell the former from a torn tail after a power loss, or do without the latter.
  std::string Strike(Damage damage, const std::string& dir, Random random);

  // The device has done everything that was asked of it so far.
  void Settle();

  // The process is killed: the kernel keeps what was written, synced or not, up to some point of
  // what had not settled. What is still asked of it has no effect until a process starts.
  void KillProcess();
  void StartProcess() { in_use_ = true; }

  // Everything is gone, and a new disk in its place. Precondition: no process uses it.
  void Wipe();
  // ... at or below `path` only.
  void WipeBelow(const std::string& path);

  // Power fails.
  void LosePower();

  absl::StatusOr<std::unique_ptr<storage::File>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<storage::File>> CreateZeroed(const std::string& path,
                                                              uint64_t size) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDir(const std::string& dir) override;
  absl::Status CreateDirs(const std::string& dir) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override;
  absl::StatusOr<std::unique_ptr<storage::FileLock>> Lock(const std::string& path) override;

 private:
  class OpenFile;
  class HeldLock;
  using FileNumber = uint64_t;

  struct Operation {
    enum class Kind { kWrite, kSync, kLink, kUnlink, kRename, kSyncDir };
    Kind kind;
    FileNumber file = 0;    // kWrite, kSync, kLink, kRename
    uint64_t offset = 0;    // kWrite
    std::string data;       // kWrite: the bytes; kSyncDir: the directory; else: the path
    std::string from;       // kRename: the old path
    bool forsaken = false;  // kWrite: a sync of it failed, and no later one covers it
  };
  using Sector = std::pair<FileNumber, uint64_t>;  // and its number in the file
  struct Extent {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  // What a device or a kernel holds.
  struct Layer {
    std::map<std::string, FileNumber> names;
    std::map<FileNumber, std::string> contents;

    void Write(const Operation& write);
  };

  static std::string DirectoryOf(const std::string& path);

  absl::Status Issue(Operation operation);
  static void Execute(Layer& layer, const Operation& operation);
  // Moves `operation` into `uncovered_`, or, for a sync, what it covers into the durable layer.
  void Absorb(Operation operation);
  // Crash point: absorbs a random prefix of the journal and forgets the rest.
  void StopAtRandomPoint();
  // Applies or loses each uncovered operation; power is gone.
  void DrawFates();
  void Restart();

  static void Forsake(FileNumber file, std::vector<Operation>& operations);
  void Touch(const Operation& write);
  absl::Status Refuse(const Operation& operation);
  absl::StatusOr<std::string> Read(FileNumber file, uint64_t offset, size_t size);

  // disk_damage.cc
  std::string PickFile(Damage damage, const std::string& dir, Random& random) const;
  bool MayStrike(const std::string& path, uint64_t sector) const;
  // A copy of the manifest whose other one is damaged.
  bool IsLastCopy(FileNumber file) const;
  bool IsStruck(FileNumber file) const;
  static bool IsBelow(const std::string& name, const std::string& path);
  std::vector<std::string> PathsBelow(const std::string& path) const;
  bool StrikeSector(Damage damage, const Sector& sector, Random& random);
  void StrikeFile(Damage damage, const std::string& path, Random& random);

  Random random_;
  Coverage& coverage_;
  bool ignores_file_syncs_ = false;
  bool ignores_directory_syncs_ = false;
  Trouble trouble_ = Trouble::kNone;
  bool in_use_ = true;
  bool forsook_ = false;  // ever
  FileNumber next_file_ = 1;
  Layer visible_;
  Layer durable_;
  std::set<std::string>
      directories_;  // made durable at once: a node creates its few on first start
  std::set<std::string> locks_;
  std::vector<Operation> journal_;                      // issued, not settled
  std::vector<Operation> uncovered_;                    // settled, covered by no sync
  std::map<FileNumber, std::array<Extent, 2>> recent_;  // the newest writes, the newest first
  std::set<FileNumber> torn_;  // a crash may have kept only a part of the last write
  std::set<Sector> struck_;    // damaged and not written since
  std::set<Sector> unreadable_;
  std::map<Sector, uint64_t> misread_;  // the sector that the next read gives instead
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_DISK_H_
