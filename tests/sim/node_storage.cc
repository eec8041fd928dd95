#include "tests/sim/node_storage.h"

#include "services/node/recovery.h"
#include "services/storage/memory_engine.h"

namespace synod::sim {

NodeStorage::NodeStorage(Options options, Random random, Coverage& coverage)
    : options_(std::move(options)),
      instances_(random.Fork()),
      coverage_(coverage),
      disk_(random.Fork(), coverage),
      engine_disk_(std::make_shared<storage::MemoryDisk>(&disk_)) {}

absl::StatusOr<OpenStorage> NodeStorage::Open() {
  disk_.StartProcess();
  OpenStorage open;
  if (absl::Status status = OpenLog(open); !status.ok()) return status;
  if (absl::Status status = LoadState(open); !status.ok()) return status;

  const Slot applied = open.machine->applied();
  auto configurations = Configurations(open);
  if (!configurations.ok()) return configurations.status();
  auto values = open.log->ReadAbove(kGroup, applied);
  if (!values.ok()) return values.status();
  open.recovered = node::Recover(open.log->State(kGroup), open.log->instance(), applied,
                                 *std::move(configurations), *std::move(values));
  open.recovered.contacts = contacts_;
  return open;
}

absl::Status NodeStorage::OpenLog(OpenStorage& open) {
  storage::AcceptorLogOptions options;
  options.dir = kLogDir;
  options.cluster = kCluster;
  options.node = options_.node;
  options.segment_bytes = options_.segment_bytes;
  options.spare_segments = 0;  // no thread: a run has one
  options.new_instance = instances_.Next();
  auto log = storage::AcceptorLog::Open(&disk_, options);
  if (log.ok()) open.log = *std::move(log);
  return log.status();
}

absl::Status NodeStorage::LoadState(OpenStorage& open) {
  if (absl::Status status = OpenDirectories(open); !status.ok()) return status;
  if (absl::Status status = OpenOrReplaceState(open); !status.ok()) return status;
  switch (storage::WhatToDo(open.directories->incoming(), kCluster, open.machine->applied())) {
    case storage::IncomingAction::kNothing:
    case storage::IncomingAction::kResume:
      return absl::OkStatus();
    case storage::IncomingAction::kDiscard:
      return open.directories->Discard();
    case storage::IncomingAction::kInstall:
      return FinishInstalling(open);
  }
  return absl::OkStatus();
}

absl::Status NodeStorage::OpenDirectories(OpenStorage& open) {
  auto directories = storage::StateDirectories::Open(&disk_, kDataDir);
  if (absl::IsDataLoss(directories.status())) {
    // The operator does what the message says.
    coverage_.Saw(Situation::kStateControlDamaged);
    open.state_lost = true;
    LoseState();
    directories = storage::StateDirectories::Open(&disk_, kDataDir);
  }
  if (directories.ok()) open.directories = *std::move(directories);
  return directories.status();
}

absl::Status NodeStorage::OpenStateIn(const std::string& dir, OpenState& open) const {
  auto engine = storage::OpenMemoryEngine(engine_disk_, dir);
  if (!engine.ok()) return engine.status();
  auto machine = kv::StateMachine::Open(engine->get());
  if (!machine.ok()) return machine.status();
  open.machine = *std::move(machine);
  open.engine = *std::move(engine);
  return absl::OkStatus();
}

// The log and the other members have everything that a lost state had.
absl::Status NodeStorage::OpenOrReplaceState(OpenStorage& open) {
  const std::string dir = open.directories->current();
  absl::Status status = OpenStateIn(dir, open);
  if (!absl::IsDataLoss(status)) return status;
  coverage_.Saw(Situation::kStateDamaged);
  open.state_lost = true;
  if (status = storage::RemoveDirectory(&disk_, dir); !status.ok()) return status;
  return OpenStateIn(dir, open);
}

absl::Status NodeStorage::FinishInstalling(OpenStorage& open) {
  const Slot slot = open.directories->incoming()->descriptor.slot;
  const bool cut = open.log->State(kGroup).cut_through >= slot;
  coverage_.Saw(cut ? Situation::kCrashBeforeSwap : Situation::kCrashBeforeCut);
  if (absl::Status status = CutLog(open); !status.ok()) return status;
  if (absl::Status status = ExchangeDirectories(open); !status.ok()) return status;
  if (absl::Status status = OpenOrReplaceState(open); !status.ok()) return status;
  open.state_lost = open.state_lost || open.machine->applied() < slot;
  return absl::OkStatus();
}

absl::StatusOr<paxos::ConfigurationHistory> NodeStorage::Configurations(
    const OpenStorage& open) const {
  const std::string& stored = open.machine->configurations();
  if (!stored.empty()) return paxos::ConfigurationHistory::Parse(stored);
  // Whatever changed since the first slot is in the log, unless its beginning was cut off.
  const bool from_the_start = !open.log->State(kGroup).cut_through;
  if (!from_the_start || options_.voters.empty()) return paxos::ConfigurationHistory();
  return paxos::ConfigurationHistory(paxos::Configuration::OfVoters(options_.voters));
}

absl::StatusOr<Slot> NodeStorage::Checkpoint(OpenStorage& open, const std::string& dir) const {
  if (absl::Status status = open.engine->Flush(); !status.ok()) return status;
  if (absl::Status status = open.engine->Checkpoint(dir); !status.ok()) return status;
  return open.machine->applied();
}

absl::Status NodeStorage::CutLog(OpenStorage& open) const {
  return open.log->CutThrough(kGroup, open.directories->incoming()->descriptor.slot,
                              storage::CutKind::kDurable);
}

absl::Status NodeStorage::OpenIncoming(OpenStorage& open) const {
  absl::Status status = OpenStateIn(open.directories->incoming_dir(), open.incoming);
  if (status.ok() &&
      open.incoming.machine->applied() != open.directories->incoming()->descriptor.slot) {
    status = absl::DataLossError("the state is not of the slot that its descriptor says");
  }
  return status;
}

void NodeStorage::TakeIncoming(OpenStorage& open) const {
  open.machine = std::move(open.incoming.machine);
  open.engine = std::move(open.incoming.engine);
}

absl::Status NodeStorage::ExchangeDirectories(OpenStorage& open) const {
  const std::string old = open.directories->current();
  absl::Status status = open.directories->Install();
  if (status.ok()) engine_disk_->Remove(old);
  return status;
}

void NodeStorage::Wipe() {
  disk_.Wipe();
  engine_disk_ = std::make_shared<storage::MemoryDisk>(&disk_);
}

void NodeStorage::LoseState() {
  disk_.WipeBelow(kDataDir);
  engine_disk_ = std::make_shared<storage::MemoryDisk>(&disk_);
}

}  // namespace synod::sim
