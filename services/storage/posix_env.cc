// Env on the operating system's filesystem. Every error names the operation, the path and errno.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/storage/env.h"

namespace synod::storage {
namespace {

constexpr size_t kZeroBlock = 1 << 20;

absl::Status ErrnoError(absl::string_view operation, absl::string_view path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat(operation, " ", path));
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoError("write", path_, errno);
      }
      offset += static_cast<uint64_t>(written);
      data.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const override {
    std::string data(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          ::pread(fd_, data.data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoError("read", path_, errno);
      }
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    data.resize(done);
    return data;
  }

  // Never retried, not even on EINTR: after a failed sync the kernel may have dropped the dirty
  // pages and would report success for bytes that are gone.
  absl::Status Sync() override {
    if (::fdatasync(fd_) != 0) return ErrnoError("sync", path_, errno);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return ErrnoError("stat", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const std::string path_;
  const int fd_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

 private:
  const int fd_;
};

class PosixEnv final : public Env {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return ErrnoError("open", path, errno);
    return std::make_unique<PosixFile>(path, fd);
  }

  absl::StatusOr<std::unique_ptr<File>> CreateZeroed(const std::string& path,
                                                     uint64_t size) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) return ErrnoError("create", path, errno);
    auto file = std::make_unique<PosixFile>(path, fd);
    // All or nothing, and at once: a nearly full disk is not filled up first. A filesystem that
    // cannot do so says so.
    if (size > 0 && ::fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
        errno != EINTR) {
      const int error = errno;
      ::unlink(path.c_str());
      return ErrnoError("allocate", path, error);
    }
    // Real zeros: a merely reserved block is marked written at its first sync, which is metadata.
    const std::string zeros(static_cast<size_t>(std::min<uint64_t>(size, kZeroBlock)), '\0');
    for (uint64_t done = 0; done < size;) {
      const auto part = static_cast<size_t>(std::min<uint64_t>(size - done, zeros.size()));
      if (absl::Status status = file->WriteAt(done, absl::string_view(zeros).substr(0, part));
          !status.ok()) {
        ::unlink(path.c_str());  // a full disk gets its blocks back
        return status;
      }
      done += part;
    }
    return file;
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoError("rename", absl::StrCat(from, " to ", to), errno);
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return ErrnoError("remove", path, errno);
    return absl::OkStatus();
  }

  absl::Status SyncDir(const std::string& dir) override {
    const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ErrnoError("open directory", dir, errno);
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return error == 0 ? absl::OkStatus() : ErrnoError("sync directory", dir, error);
  }

  // Each new directory's entry is synced in its parent, so that a crash cannot lose the whole tree.
  absl::Status CreateDirs(const std::string& dir) override {
    const std::filesystem::path path = std::filesystem::absolute(dir);
    std::filesystem::path made;
    for (const auto& part : path) {
      const std::filesystem::path parent = made;
      made /= part;
      if (part.empty() || ::mkdir(made.c_str(), 0750) == 0) {
        if (part.empty()) continue;
        if (absl::Status status = SyncDir(parent.string()); !status.ok()) return status;
      } else if (const int error = errno; error != EEXIST || !std::filesystem::is_directory(made)) {
        return ErrnoError("create directory", made.string(), error == EEXIST ? ENOTDIR : error);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    DIR* const handle = ::opendir(dir.c_str());
    if (handle == nullptr) return ErrnoError("list", dir, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(handle)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(handle);
    if (error != 0) return ErrnoError("list", dir, error);
    std::sort(names.begin(), names.end());
    return names;
  }

  // flock belongs to the open file, so it also keeps two owners inside one process apart.
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return ErrnoError("open lock file", path, errno);
    auto lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ErrnoError("lock", path, errno);
      char holder[64] = {};
      const ssize_t size = ::pread(fd, holder, sizeof holder - 1, 0);
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is locked by ", size > 0 ? holder : "another process",
                       ": stop that process or choose another data directory"));
    }
    const std::string holder = absl::StrCat("process ", ::getpid());
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
      return ErrnoError("write lock file", path, errno);
    }
    return lock;
  }
};

}  // namespace

Env* Env::Posix() {
  static PosixEnv* const env = new PosixEnv;
  return env;
}

}  // namespace synod::storage
