#include "tests/sim/disk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::sim {
namespace {

constexpr size_t kSector = 512;

// Writes of a sector at a time, aligned as the device sees them.
size_t BytesToSectorEnd(uint64_t offset) {
  return kSector - offset % kSector;
}

}  // namespace

class Disk::OpenFile final : public storage::File {
 public:
  OpenFile(Disk& disk, FileNumber number) : disk_(disk), number_(number) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    return disk_.Issue({Operation::Kind::kWrite, number_, offset, std::string(data), ""});
  }

  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const override {
    const std::string& content = disk_.visible_.contents[number_];
    if (offset >= content.size()) return std::string();
    return content.substr(offset, size);
  }

  absl::Status Sync() override { return disk_.Issue({Operation::Kind::kSync, number_, 0, "", ""}); }

  absl::StatusOr<uint64_t> Size() const override { return disk_.visible_.contents[number_].size(); }

 private:
  Disk& disk_;
  const FileNumber number_;
};

class Disk::HeldLock final : public storage::FileLock {
 public:
  HeldLock(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~HeldLock() override { disk_.locks_.erase(path_); }

 private:
  Disk& disk_;
  const std::string path_;
};

void Disk::Layer::Write(const Operation& write) {
  std::string& content = contents[write.file];
  content.resize(std::max<size_t>(content.size(), write.offset + write.data.size()));
  content.replace(write.offset, write.data.size(), write.data);
}

std::string Disk::DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

absl::Status Disk::Issue(Operation operation) {
  Execute(visible_, operation);
  journal_.push_back(std::move(operation));
  return absl::OkStatus();
}

void Disk::Execute(Layer& layer, const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kWrite:
      layer.Write(operation);
      break;
    case Operation::Kind::kLink:
      layer.names[operation.data] = operation.file;
      break;
    case Operation::Kind::kUnlink:
      layer.names.erase(operation.data);
      break;
    case Operation::Kind::kRename:
      layer.names.erase(operation.from);
      layer.names[operation.data] = operation.file;
      break;
    case Operation::Kind::kSync:
    case Operation::Kind::kSyncDir:
      break;
  }
}

void Disk::Absorb(Operation operation) {
  using Kind = Operation::Kind;
  if (operation.kind != Kind::kSync && operation.kind != Kind::kSyncDir) {
    uncovered_.push_back(std::move(operation));
    return;
  }
  if (operation.kind == Kind::kSync ? ignores_file_syncs_ : ignores_directory_syncs_) return;
  const auto covered = [&operation](const Operation& earlier) {
    if (operation.kind == Kind::kSync) {
      return earlier.kind == Kind::kWrite && earlier.file == operation.file;
    }
    return earlier.kind != Kind::kWrite && DirectoryOf(earlier.data) == operation.data;
  };
  for (const Operation& earlier : uncovered_) {
    if (covered(earlier)) Execute(durable_, earlier);
  }
  uncovered_.erase(std::remove_if(uncovered_.begin(), uncovered_.end(), covered), uncovered_.end());
}

void Disk::Settle() {
  for (Operation& operation : journal_) Absorb(std::move(operation));
  journal_.clear();
}

void Disk::StopAtRandomPoint() {
  journal_.resize(random_.Between(0, journal_.size()));
  // The last write may have been under way.
  if (!journal_.empty() && journal_.back().kind == Operation::Kind::kWrite) {
    std::string& data = journal_.back().data;
    data.resize(random_.Between(0, data.size()));
  }
  Settle();
}

void Disk::DrawFates() {
  // A journalling filesystem loses directory changes from the end, file contents anywhere.
  bool directories_reached = true;
  for (const Operation& operation : uncovered_) {
    if (operation.kind != Operation::Kind::kWrite) {
      directories_reached = directories_reached && random_.Chance(0.5);
      if (directories_reached) {
        Execute(durable_, operation);
      } else {
        coverage_.Saw(Situation::kDirectoryEntryLost);
      }
      continue;
    }
    for (size_t done = 0; done < operation.data.size();) {
      const size_t sector =
          std::min(BytesToSectorEnd(operation.offset + done), operation.data.size() - done);
      size_t kept = 0;
      if (random_.Chance(0.5)) kept = random_.Chance(0.8) ? sector : random_.Below(sector + 1);
      if (kept == 0) coverage_.Saw(Situation::kSectorLost);
      if (kept > 0 && kept < sector) coverage_.Saw(Situation::kWriteTorn);
      if (kept > 0) {
        durable_.Write({Operation::Kind::kWrite, operation.file, operation.offset + done,
                        operation.data.substr(done, kept), ""});
      }
      done += sector;
    }
  }
  uncovered_.clear();
}

void Disk::Restart() {
  // Files without a name are gone.
  std::map<FileNumber, std::string> reachable;
  for (const auto& [path, number] : durable_.names) reachable[number] = durable_.contents[number];
  durable_.contents = std::move(reachable);
  visible_ = durable_;
}

void Disk::KillProcess() {
  StopAtRandomPoint();
  // The kernel lives on and holds everything that reached it; it is still not durable.
  visible_ = durable_;
  for (const Operation& operation : uncovered_) Execute(visible_, operation);
}

void Disk::LosePower() {
  StopAtRandomPoint();
  DrawFates();
  Restart();
}

absl::StatusOr<std::unique_ptr<storage::File>> Disk::Open(const std::string& path) {
  const auto found = visible_.names.find(path);
  if (found == visible_.names.end()) return absl::NotFoundError(absl::StrCat(path, ": not there"));
  return std::make_unique<OpenFile>(*this, found->second);
}

absl::StatusOr<std::unique_ptr<storage::File>> Disk::CreateZeroed(const std::string& path,
                                                                  uint64_t size) {
  if (visible_.names.contains(path)) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": already there"));
  }
  const FileNumber number = next_file_++;
  Issue({Operation::Kind::kLink, number, 0, path, ""}).IgnoreError();
  Issue({Operation::Kind::kWrite, number, 0, std::string(size, '\0'), ""}).IgnoreError();
  return std::make_unique<OpenFile>(*this, number);
}

absl::Status Disk::Rename(const std::string& from, const std::string& to) {
  const auto found = visible_.names.find(from);
  if (found == visible_.names.end()) return absl::NotFoundError(absl::StrCat(from, ": not there"));
  return Issue({Operation::Kind::kRename, found->second, 0, to, from});
}

absl::Status Disk::Remove(const std::string& path) {
  if (!visible_.names.contains(path)) return absl::NotFoundError(absl::StrCat(path, ": not there"));
  return Issue({Operation::Kind::kUnlink, 0, 0, path, ""});
}

absl::Status Disk::SyncDir(const std::string& dir) {
  return Issue({Operation::Kind::kSyncDir, 0, 0, dir, ""});
}

absl::Status Disk::CreateDirs(const std::string& dir) {
  directories_.insert(dir);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Disk::List(const std::string& dir) {
  if (!directories_.contains(dir)) return absl::NotFoundError(absl::StrCat(dir, ": not there"));
  std::vector<std::string> names;
  for (const auto& [path, number] : visible_.names) {
    if (DirectoryOf(path) == dir) names.push_back(path.substr(dir.size() + 1));
  }
  return names;
}

absl::StatusOr<std::unique_ptr<storage::FileLock>> Disk::Lock(const std::string& path) {
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": locked by a process that runs"));
  }
  return std::make_unique<HeldLock>(*this, path);
}

}  // namespace synod::sim
