#include "services/node/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "services/kv/state_machine.h"
#include "services/node/damaged_states.h"
#include "services/node/recovery.h"
#include "services/storage/durable_file.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "services/storage/rocksdb_engine.h"

namespace synod::node {
namespace {

absl::Status Failed(absl::StatusCode code, const std::string& path, absl::string_view problem) {
  return absl::Status(code, absl::StrCat("--data-dir ", path, ": ", problem));
}

// In the directory of a state, so that it goes where that goes. It holds what was found.
constexpr absl::string_view kDamagedMark = "DAMAGED";
constexpr size_t kMaxReasonBytes = 1 << 10;

absl::Status CheckNotMarked(const std::string& dir) {
  const auto mark = storage::Env::Posix()->Open(absl::StrCat(dir, "/", kDamagedMark));
  if (absl::IsNotFound(mark.status())) return absl::OkStatus();
  if (!mark.ok()) return mark.status();
  const auto why = (*mark)->ReadAt(0, kMaxReasonBytes);
  return absl::DataLossError(why.ok() ? *why : "it is marked as damaged");
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

absl::StatusOr<std::shared_ptr<State>> OpenWith(const storage::RocksdbEngineOptions& options) {
  if (auto status = CheckNotMarked(options.dir); !status.ok()) return status;
  auto state = std::make_shared<State>();
  state->dir = options.dir;
  // Durably, before the log is cut on the strength of what is in it.
  if (auto status = storage::Env::Posix()->CreateDirs(options.dir); !status.ok()) return status;
  auto engine = storage::OpenRocksdbEngine(options);
  if (!engine.ok()) return engine.status();
  state->engine = *std::move(engine);
  auto machine = kv::StateMachine::Open(state->engine.get());
  if (!machine.ok()) return machine.status();
  state->machine = *std::move(machine);
  return state;
}

}  // namespace

absl::StatusOr<std::shared_ptr<State>> OpenState(const std::string& dir) {
  return OpenWith({dir});
}

absl::StatusOr<std::shared_ptr<State>> OpenWholeState(const std::string& dir,
                                                      std::function<bool()> cancelled) {
  storage::RocksdbEngineOptions options{dir};
  options.verify = true;
  options.cancelled = std::move(cancelled);
  return OpenWith(options);
}

absl::Status MarkDamaged(const State& state, absl::string_view why) {
  return storage::WriteDurably(storage::Env::Posix(), state.dir, kDamagedMark, why);
}

// Promises are made before anything is applied: a state without a log had one.
absl::Status CheckLogNotLost(storage::Env* env, const std::string& data_dir) {
  const auto identity = storage::ReadIdentity(env, data_dir + "/log");
  if (!absl::IsNotFound(identity.status())) return absl::OkStatus();
  for (const char* of_a_log : {"/state", "/state-2", "/state-control"}) {
    if (access((data_dir + of_a_log).c_str(), F_OK) != 0) continue;
    return Failed(
        absl::StatusCode::kDataLoss, data_dir,
        absl::StrCat("log/ is gone, or its identity, but ", of_a_log + 1,
                     " is there: what this member promised and acknowledged is forgotten. Put the "
                     "log back if it was moved; never one from a backup. Otherwise remove the "
                     "member (synodctl member remove), add it again (synodctl member add), and "
                     "start it with an empty directory and --initial-cluster-state=existing"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(Options options) {
  const std::string path = options.path;
  if (auto made = options.env->CreateDirs(path); !made.ok()) {
    return Failed(absl::StatusCode::kPermissionDenied, path, made.message());
  }
  const auto lock = Lock(path);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<DataDir> opened(new DataDir(std::move(options), *lock));
  if (auto lost = CheckLogNotLost(opened->options_.env, path); !lost.ok()) return lost;
  if (auto status = opened->Load(); !status.ok()) {
    return Failed(status.code(), path, status.message());
  }
  return opened;
}

DataDir::~DataDir() {
  state_.reset();
  log_.reset();
  close(lock_);
}

absl::Status DataDir::Load() {
  // The log first: it knows whose directory this is.
  if (auto status = LoadLog(); !status.ok()) return status;
  if (auto status = LoadState(); !status.ok()) return status;
  const Slot applied = state_->Get()->machine->applied();
  // What the log has not, because it was cut, is in the state: neither needs a damaged one.
  if (log_->damage().empty() && applied >= log_->State(kGroup).cut_through) {
    for (std::string& remark : ForgetOldDamage()) remarks_.push_back(std::move(remark));
  }
  auto values = log_->ReadAbove(kGroup, applied);
  if (!values.ok()) return values.status();
  auto configurations = Configurations();
  if (!configurations.ok()) return configurations.status();
  recovered_ = Recover(log_->State(kGroup), log_->instance(), applied, *std::move(configurations),
                       *std::move(values));
  return absl::OkStatus();
}

absl::Status DataDir::LoadLog() {
  storage::AcceptorLogOptions log_options = options_.log;
  log_options.dir = options_.path + "/log";
  log_options.cluster = options_.cluster;
  log_options.node = options_.self;
  log_options.new_instance = options_.new_instance;
  auto log = storage::AcceptorLog::Open(options_.env, log_options);
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  for (const std::string& place : log_->damage()) remarks_.push_back("log damaged: " + place);
  return absl::OkStatus();
}

absl::Status DataDir::LoadState() {
  auto directories = storage::StateDirectories::Open(options_.env, options_.path);
  if (!directories.ok()) return directories.status();
  directories_ = *std::move(directories);
  auto state = OpenOrReplaceState();
  if (!state.ok()) return state.status();

  switch (
      storage::WhatToDo(directories_->incoming(), options_.cluster, (*state)->machine->applied())) {
    case storage::IncomingAction::kNothing:
    case storage::IncomingAction::kResume:
      break;
    case storage::IncomingAction::kDiscard:
      if (auto status = directories_->Discard(); !status.ok()) return status;
      break;
    case storage::IncomingAction::kInstall:
      if (const auto whole = OpenWholeState(directories_->incoming_dir(), options_.told_to_stop);
          !whole.ok()) {
        if (!absl::IsDataLoss(whole.status())) return whole.status();
        remarks_.push_back(
            absl::StrCat("snapshot damaged: ", whole.status().message(), "; not installed"));
        if (auto status = directories_->Discard(); !status.ok()) return status;
        break;
      }
      state->reset();
      if (auto status = FinishInstalling(); !status.ok()) return status;
      state = OpenOrReplaceState();
      if (!state.ok()) return state.status();
  }
  state_ = std::make_unique<AppliedState>(*std::move(state));
  return absl::OkStatus();
}

// The log and the other members have everything that a lost state had.
absl::StatusOr<std::shared_ptr<State>> DataDir::OpenOrReplaceState() {
  const std::string dir = directories_->current();
  auto state = OpenState(dir);
  if (state.ok() || !absl::IsDataLoss(state.status())) return state;
  const auto aside = PutAside(options_.env, options_.path, dir);
  if (!aside.ok()) return aside.status();
  remarks_.push_back(absl::StrCat("state damaged: ", state.status().message(), "; moved to ",
                                  *aside, ", it will be rebuilt"));
  return OpenState(dir);
}

std::vector<std::string> DataDir::ForgetOldDamage() const {
  std::vector<std::string> remarks;
  for (const std::string& gone : RemoveOldDamagedStates(options_.env, options_.path)) {
    remarks.push_back(absl::StrCat(gone, " removed: the state is whole, and newer ones are kept"));
  }
  return remarks;
}

absl::Status DataDir::FinishInstalling() {
  const Slot slot = directories_->incoming()->descriptor.slot;
  auto status = log_->CutThrough(kGroup, slot, storage::CutKind::kDurable);
  if (status.ok()) status = directories_->Install();
  if (status.ok()) {
    remarks_.push_back(absl::StrCat("snapshot of slot ", slot.value(),
                                    " installed: the last stop came in between"));
  }
  return status;
}

absl::StatusOr<paxos::ConfigurationHistory> DataDir::Configurations() const {
  const std::string& stored = state_->Get()->machine->configurations();
  if (!stored.empty()) return paxos::ConfigurationHistory::Parse(stored);
  // Whatever changed since the first slot is in the log, unless its beginning was cut off.
  const bool from_the_start = !log_->State(kGroup).cut_through;
  if (from_the_start && options_.first) return paxos::ConfigurationHistory(*options_.first);
  return paxos::ConfigurationHistory();
}

}  // namespace synod::node
