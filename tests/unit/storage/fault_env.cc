#include "tests/unit/storage/fault_env.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace synod::storage {
namespace {

constexpr uint64_t kSector = 512;

}  // namespace

class FaultEnv::OpenFile final : public File {
 public:
  OpenFile(FaultEnv* env, std::shared_ptr<Inode> inode) : env_(env), inode_(std::move(inode)) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    // A write that fails may still have reached the page cache.
    const absl::Status status = env_->Count();
    if (inode_->data.size() < offset + data.size()) inode_->data.resize(offset + data.size());
    inode_->data.replace(offset, data.size(), data.data(), data.size());
    for (uint64_t at = offset / kSector; at * kSector < offset + data.size(); ++at) {
      inode_->dirty.insert(at);
    }
    return status;
  }

  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const override {
    if (const auto hook = std::exchange(env_->during_read, nullptr)) hook();
    if (offset >= inode_->data.size()) return std::string();
    const auto bad = inode_->unreadable.lower_bound(offset / kSector);
    if (bad != inode_->unreadable.end() && *bad * kSector < offset + size) {
      return absl::UnknownError("injected: Input/output error");
    }
    return inode_->data.substr(offset, size);
  }

  absl::Status Sync() override {
    if (absl::Status status = env_->Count(); !status.ok()) return status;
    ++env_->file_syncs_;
    inode_->durable.resize(inode_->data.size());
    for (const uint64_t sector : inode_->dirty) {
      const uint64_t from = sector * kSector;
      if (from >= inode_->data.size()) break;
      const uint64_t size = std::min<uint64_t>(kSector, inode_->data.size() - from);
      inode_->durable.replace(from, size, inode_->data, from, size);
    }
    inode_->dirty.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override { return inode_->data.size(); }

 private:
  FaultEnv* const env_;
  const std::shared_ptr<Inode> inode_;
};

class FaultEnv::HeldLock final : public FileLock {
 public:
  HeldLock(FaultEnv* env, std::string path) : env_(env), path_(std::move(path)) {}
  ~HeldLock() override { env_->locked_.erase(path_); }

 private:
  FaultEnv* const env_;
  const std::string path_;
};

std::unique_ptr<FaultEnv> FaultEnv::Clone() const {
  auto clone = std::make_unique<FaultEnv>();
  clone->dirs_ = dirs_;
  for (const auto& [path, inode] : names_) {
    const auto copy = std::make_shared<Inode>(*inode);
    copy->durable = copy->data;
    copy->dirty.clear();
    clone->names_[path] = copy;
  }
  clone->durable_names_ = clone->names_;
  return clone;
}

void FaultEnv::FailFrom(uint64_t operation) {
  operations_ = 0;
  fail_from_ = operation;
}

void FaultEnv::MakeUnreadable(const std::string& path, uint64_t offset, uint64_t size) {
  for (uint64_t at = offset / kSector; at * kSector < offset + size; ++at) {
    names_.at(path)->unreadable.insert(at);
  }
}

absl::Status FaultEnv::Count() {
  ++operations_;
  if (fail_from_ && operations_ >= *fail_from_) return absl::InternalError("injected failure");
  return absl::OkStatus();
}

void FaultEnv::LosePower(Random& random) {
  fail_from_.reset();
  locked_.clear();
  const uint64_t kept = random.Below(name_changes_.size() + 1);
  for (uint64_t i = 0; i < kept; ++i) Apply(name_changes_[i], durable_names_);
  name_changes_.clear();
  names_ = durable_names_;
  const double keep = random.Chance(0.3) ? 1 : random.Chance(0.3) ? 0 : random.Unit();
  for (const auto& [path, inode] : names_) {
    std::string& durable = inode->durable;
    if (durable.size() < inode->data.size()) durable.resize(inode->data.size());
    for (const uint64_t sector : inode->dirty) {
      if (!random.Chance(keep)) continue;
      const uint64_t from = sector * kSector;
      const uint64_t size = std::min<uint64_t>(kSector, inode->data.size() - from);
      durable.replace(from, size, inode->data, from, size);
    }
    inode->dirty.clear();
    inode->data = durable;
  }
}

void FaultEnv::KillProcess() {
  fail_from_.reset();
  locked_.clear();
}

std::vector<std::string> FaultEnv::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, inode] : names_) paths.push_back(path);
  return paths;
}

std::string& FaultEnv::Contents(const std::string& path) {
  return names_.at(path)->data;
}

absl::StatusOr<std::unique_ptr<File>> FaultEnv::Open(const std::string& path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(absl::StrCat("open ", path));
  return std::make_unique<OpenFile>(this, found->second);
}

absl::StatusOr<std::unique_ptr<File>> FaultEnv::CreateZeroed(const std::string& path,
                                                             uint64_t size) {
  if (absl::Status status = Count(); !status.ok()) return status;
  if (names_.contains(path)) return absl::AlreadyExistsError(absl::StrCat("create ", path));
  if (full_) return absl::ResourceExhaustedError(absl::StrCat("create ", path, ": no space left"));
  auto inode = std::make_shared<Inode>();
  inode->data.assign(size, '\0');
  ChangeNames({{path, inode}});
  return std::make_unique<OpenFile>(this, std::move(inode));
}

absl::Status FaultEnv::Rename(const std::string& from, const std::string& to) {
  if (absl::Status status = Count(); !status.ok()) return status;
  const auto found = names_.find(from);
  if (found == names_.end()) return absl::NotFoundError(absl::StrCat("rename ", from));
  ChangeNames({{to, found->second}, {from, nullptr}});
  return absl::OkStatus();
}

absl::Status FaultEnv::Remove(const std::string& path) {
  if (absl::Status status = Count(); !status.ok()) return status;
  if (!names_.contains(path)) return absl::NotFoundError(absl::StrCat("remove ", path));
  ChangeNames({{path, nullptr}});
  return absl::OkStatus();
}

absl::Status FaultEnv::SyncDir(const std::string& dir) {
  if (absl::Status status = Count(); !status.ok()) return status;
  std::vector<NameChange> others;
  for (NameChange& change : name_changes_) {
    const std::string& path = change.front().first;
    if (path.substr(0, path.rfind('/')) == dir) {
      Apply(change, durable_names_);
    } else {
      others.push_back(std::move(change));
    }
  }
  name_changes_ = std::move(others);
  return absl::OkStatus();
}

void FaultEnv::ChangeNames(NameChange change) {
  Apply(change, names_);
  name_changes_.push_back(std::move(change));
}

void FaultEnv::Apply(const NameChange& change, Names& names) {
  for (const auto& [path, inode] : change) {
    if (inode) {
      names[path] = inode;
    } else {
      names.erase(path);
    }
  }
}

absl::Status FaultEnv::CreateDirs(const std::string& dir) {
  dirs_.insert(dir);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FaultEnv::List(const std::string& dir) {
  if (!dirs_.contains(dir)) return absl::NotFoundError(absl::StrCat("list ", dir));
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (absl::StartsWith(path, dir + "/")) names.push_back(path.substr(dir.size() + 1));
  }
  return names;
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultEnv::Lock(const std::string& path) {
  if (!locked_.insert(path).second) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is locked"));
  }
  return std::make_unique<HeldLock>(this, path);
}

}  // namespace synod::storage
