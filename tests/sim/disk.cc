#include "tests/sim/disk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace synod::sim {
namespace {

// Writes of a sector at a time, aligned as the device sees them.
size_t BytesToSectorEnd(uint64_t offset) {
  return kDiskSector - offset % kDiskSector;
}

}  // namespace

class Disk::OpenFile final : public storage::File {
 public:
  OpenFile(Disk& disk, FileNumber number) : disk_(disk), number_(number) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    return disk_.Issue({Operation::Kind::kWrite, number_, offset, std::string(data), {}});
  }

  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const override {
    return disk_.Read(number_, offset, size);
  }

  absl::Status Sync() override { return disk_.Issue({Operation::Kind::kSync, number_, 0, "", {}}); }

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

// A kernel marks pages clean whose write-back failed; they are written again only when something
// touches them again (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
void Disk::Forsake(FileNumber file, std::vector<Operation>& operations) {
  std::vector<Operation> sectors;
  for (Operation& operation : operations) {
    if (operation.kind != Operation::Kind::kWrite || operation.file != file) {
      sectors.push_back(std::move(operation));
      continue;
    }
    for (size_t done = 0; done < operation.data.size();) {
      const uint64_t offset = operation.offset + done;
      const size_t size = std::min(BytesToSectorEnd(offset), operation.data.size() - done);
      sectors.push_back(
          {operation.kind, file, offset, operation.data.substr(done, size), {}, true});
      done += size;
    }
  }
  operations = std::move(sectors);
}

absl::Status Disk::Refuse(const Operation& operation) {
  using Kind = Operation::Kind;
  if (!in_use_) return absl::CancelledError("the process is dead");
  const bool grows =
      operation.kind == Kind::kLink ||
      (operation.kind == Kind::kWrite &&
       operation.offset + operation.data.size() > visible_.contents[operation.file].size());
  if (trouble_ == Trouble::kFull && grows) {
    coverage_.Saw(Situation::kDiskFull);
    return absl::ResourceExhaustedError("no space left on device");
  }
  const bool sync = operation.kind == Kind::kSync || operation.kind == Kind::kSyncDir;
  if (trouble_ != (sync ? Trouble::kSyncsFail : Trouble::kWritesFail)) return absl::OkStatus();
  coverage_.Saw(sync ? Situation::kSyncFailed : Situation::kWriteFailed);
  if (operation.kind == Kind::kSync) {
    forsook_ = true;
    Forsake(operation.file, uncovered_);
    Forsake(operation.file, journal_);
  }
  return absl::UnavailableError("input/output error");
}

absl::StatusOr<std::string> Disk::Read(FileNumber file, uint64_t offset, size_t size) {
  const std::string& content = visible_.contents[file];
  if (offset >= content.size()) return std::string();
  std::string bytes = content.substr(offset, size);
  if (bytes.empty() || struck_.empty()) return bytes;
  for (uint64_t sector = offset / kDiskSector; sector * kDiskSector < offset + bytes.size();
       ++sector) {
    if (unreadable_.contains({file, sector})) return absl::DataLossError("input/output error");
    const auto misread = misread_.find({file, sector});
    if (misread == misread_.end()) continue;
    const std::string other = content.substr(
        std::min<size_t>(misread->second * kDiskSector, content.size()), kDiskSector);
    for (size_t i = 0; i < other.size(); ++i) {
      const uint64_t at = sector * kDiskSector + i;
      if (at >= offset && at - offset < bytes.size()) bytes[at - offset] = other[i];
    }
    struck_.erase(misread->first);
    misread_.erase(misread);
  }
  return bytes;
}

void Disk::Touch(const Operation& write) {
  if (!forsook_) return;
  const uint64_t first = write.offset / kDiskSector;
  const uint64_t last = (write.offset + write.data.size()) / kDiskSector;
  for (auto* operations : {&uncovered_, &journal_}) {
    for (Operation& earlier : *operations) {
      const uint64_t sector = earlier.offset / kDiskSector;
      if (earlier.forsaken && earlier.file == write.file && first <= sector && sector <= last) {
        earlier.forsaken = false;
      }
    }
  }
}

absl::Status Disk::Issue(Operation operation) {
  if (absl::Status refusal = Refuse(operation); !refusal.ok()) return refusal;
  if (operation.kind == Operation::Kind::kWrite) {
    const uint64_t end = operation.offset + operation.data.size();
    auto& recent = recent_[operation.file];
    recent = {Extent{operation.offset, end}, recent[0]};
    Touch(operation);
    torn_.erase(operation.file);
    for (uint64_t at = operation.offset / kDiskSector; at * kDiskSector < end && !struck_.empty();
         ++at) {
      struck_.erase({operation.file, at});
      unreadable_.erase({operation.file, at});
      misread_.erase({operation.file, at});
    }
  }
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
      return earlier.kind == Kind::kWrite && earlier.file == operation.file && !earlier.forsaken;
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
  // The last write may have been under way; one that damage left no second copy of, as a whole.
  if (!journal_.empty() && journal_.back().kind == Operation::Kind::kWrite &&
      !IsLastCopy(journal_.back().file)) {
    std::string& data = journal_.back().data;
    data.resize(random_.Between(0, data.size()));
    torn_.insert(journal_.back().file);
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
    if (IsLastCopy(operation.file)) continue;
    torn_.insert(operation.file);
    for (size_t done = 0; done < operation.data.size();) {
      const size_t sector =
          std::min(BytesToSectorEnd(operation.offset + done), operation.data.size() - done);
      size_t kept = 0;
      if (random_.Chance(0.5)) kept = random_.Chance(0.8) ? sector : random_.Below(sector + 1);
      if (kept == 0) coverage_.Saw(Situation::kSectorLost);
      if (kept > 0 && kept < sector) coverage_.Saw(Situation::kWriteTorn);
      if (kept > 0) {
        durable_.Write({Operation::Kind::kWrite,
                        operation.file,
                        operation.offset + done,
                        operation.data.substr(done, kept),
                        {}});
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
  in_use_ = false;
  StopAtRandomPoint();
  // The kernel lives on and holds everything that reached it; it is still not durable.
  visible_ = durable_;
  for (const Operation& operation : uncovered_) Execute(visible_, operation);
}

void Disk::Wipe() {
  visible_ = Layer();
  durable_ = Layer();
  directories_.clear();
  journal_.clear();
  uncovered_.clear();
  recent_.clear();
  struck_.clear();
  torn_.clear();
  unreadable_.clear();
  misread_.clear();
}

bool Disk::IsBelow(const std::string& name, const std::string& path) {
  return name == path || absl::StartsWith(name, path + "/");
}

std::vector<std::string> Disk::PathsBelow(const std::string& path) const {
  std::vector<std::string> paths;
  for (const auto& [name, number] : visible_.names) {
    if (IsBelow(name, path)) paths.push_back(name);
  }
  return paths;
}

void Disk::WipeBelow(const std::string& path) {
  for (Layer* layer : {&visible_, &durable_}) {
    std::erase_if(layer->names, [&](const auto& entry) { return IsBelow(entry.first, path); });
  }
  std::erase_if(directories_, [&](const std::string& dir) { return IsBelow(dir, path); });
  for (auto* operations : {&uncovered_, &journal_}) {
    std::erase_if(*operations, [&](const Operation& operation) {
      return operation.kind != Operation::Kind::kWrite && IsBelow(operation.data, path);
    });
  }
}

void Disk::LosePower() {
  in_use_ = false;
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
  absl::Status made = Issue({Operation::Kind::kLink, number, 0, path, {}});
  if (made.ok()) made = Issue({Operation::Kind::kWrite, number, 0, std::string(size, '\0'), {}});
  if (!made.ok()) return made;
  return std::make_unique<OpenFile>(*this, number);
}

absl::Status Disk::Rename(const std::string& from, const std::string& to) {
  const auto found = visible_.names.find(from);
  if (found == visible_.names.end()) return absl::NotFoundError(absl::StrCat(from, ": not there"));
  return Issue({Operation::Kind::kRename, found->second, 0, to, from});
}

absl::Status Disk::Remove(const std::string& path) {
  if (in_use_ && directories_.contains(path)) {
    if (!PathsBelow(path).empty()) return absl::FailedPreconditionError(path + ": not empty");
    directories_.erase(path);
    return absl::OkStatus();
  }
  if (!visible_.names.contains(path)) return absl::NotFoundError(absl::StrCat(path, ": not there"));
  return Issue({Operation::Kind::kUnlink, 0, 0, path, {}});
}

absl::Status Disk::SyncDir(const std::string& dir) {
  return Issue({Operation::Kind::kSyncDir, 0, 0, dir, {}});
}

absl::Status Disk::CreateDirs(const std::string& dir) {
  for (std::string path = dir; !path.empty(); path = DirectoryOf(path)) directories_.insert(path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Disk::List(const std::string& dir) {
  if (!directories_.contains(dir)) return absl::NotFoundError(absl::StrCat(dir, ": not there"));
  std::set<std::string> names;
  for (const auto& [path, number] : visible_.names) {
    if (DirectoryOf(path) == dir) names.insert(path.substr(dir.size() + 1));
  }
  for (const std::string& path : directories_) {
    if (DirectoryOf(path) == dir) names.insert(path.substr(dir.size() + 1));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<std::unique_ptr<storage::FileLock>> Disk::Lock(const std::string& path) {
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": locked by a process that runs"));
  }
  return std::make_unique<HeldLock>(*this, path);
}

}  // namespace synod::sim
