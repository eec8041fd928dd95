#include "services/node/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "services/node/recovery.h"
#include "services/storage/env.h"
#include "services/storage/rocksdb_engine.h"

namespace synod::node {
namespace {

absl::Status Failed(absl::StatusCode code, const std::string& path, absl::string_view problem) {
  return absl::Status(code, absl::StrCat("--data-dir ", path, ": ", problem));
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// The directory's own descriptor carries the lock: no file is made in a directory that may turn out
// to be somebody else's.
absl::StatusOr<int> Lock(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0 || access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return Failed(absl::StatusCode::kPermissionDenied, path, std::strerror(error));
  }
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return Failed(absl::StatusCode::kFailedPrecondition, path, "another process uses it");
  }
  return descriptor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(Options options) {
  const std::string log_dir = options.path + "/log";
  if (options.must_exist && !IsDirectory(log_dir)) {
    return Failed(absl::StatusCode::kFailedPrecondition, options.path,
                  "holds no member, and --initial-cluster-state is \"existing\"; joining a running "
                  "cluster is not served by this version");
  }
  if (auto made = storage::Env::Posix()->CreateDirs(options.path); !made.ok()) {
    return Failed(absl::StatusCode::kPermissionDenied, options.path, made.message());
  }
  const auto lock = Lock(options.path);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<DataDir> opened(new DataDir(*lock));
  if (auto status = opened->Load(options); !status.ok()) {
    return Failed(status.code(), options.path, status.message());
  }
  return opened;
}

DataDir::~DataDir() {
  machine_.reset();
  engine_.reset();
  log_.reset();
  close(lock_);
}

absl::Status DataDir::Load(const Options& options) {
  // The log first: it knows whose directory this is.
  storage::AcceptorLogOptions log_options;
  log_options.dir = options.path + "/log";
  log_options.cluster = options.cluster;
  log_options.node = options.self;
  log_options.new_instance = options.new_instance;
  auto log = storage::AcceptorLog::Open(storage::Env::Posix(), log_options);
  if (!log.ok()) return log.status();
  log_ = *std::move(log);

  auto engine = storage::OpenRocksdbEngine({options.path + "/state"});
  if (!engine.ok()) return engine.status();
  engine_ = *std::move(engine);
  auto machine = kv::StateMachine::Open(engine_.get());
  if (!machine.ok()) return machine.status();
  machine_ = *std::move(machine);

  const Slot applied = machine_->applied();
  auto values = log_->ReadAbove(kGroup, applied);
  if (!values.ok()) return values.status();
  auto recovered = Recover(log_->State(kGroup), log_->instance(), applied, options.configurations,
                           *std::move(values));
  if (!recovered.ok()) return recovered.status();
  recovered_ = *std::move(recovered);
  return absl::OkStatus();
}

}  // namespace synod::node
