#include "tests/sim/node_storage.h"

#include <utility>

#include "services/node/recovery.h"

namespace synod::sim {
namespace {

constexpr char kEngineDir[] = "engine";

}  // namespace

NodeStorage::NodeStorage(Options options, Random random, Coverage& coverage)
    : options_(std::move(options)),
      instances_(random.Fork()),
      coverage_(coverage),
      disk_(random.Fork(), coverage) {}

absl::Status NodeStorage::OpenEngine(OpenStorage& open) const {
  open.machine.reset();
  open.engine = storage::OpenMemoryEngine(engine_disk_, kEngineDir);
  auto machine = kv::StateMachine::Open(open.engine.get());
  if (!machine.ok()) return machine.status();
  open.machine = *std::move(machine);
  return absl::OkStatus();
}

absl::StatusOr<OpenStorage> NodeStorage::Open() {
  OpenStorage open;
  storage::AcceptorLogOptions options;
  options.dir = kLogDir;
  options.cluster = ClusterId(1);
  options.node = options_.node;
  options.segment_bytes = options_.segment_bytes;
  options.spare_segments = 0;  // no thread: a run has one
  options.new_instance = instances_.Next();
  auto log = storage::AcceptorLog::Open(&disk_, options);
  if (!log.ok()) return log.status();
  open.log = *std::move(log);
  if (absl::Status status = OpenEngine(open); !status.ok()) return status;
  if (fetched_ && fetched_->slot > open.machine->applied()) {
    coverage_.Saw(Situation::kCrashInInstallation);
    absl::Status status = CutLog(open);
    if (status.ok()) status = SwapEngine(open);
    if (!status.ok()) return status;
  }
  fetched_.reset();

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

absl::StatusOr<paxos::ConfigurationHistory> NodeStorage::Configurations(
    const OpenStorage& open) const {
  const std::string& stored = open.machine->configurations();
  if (!stored.empty()) return paxos::ConfigurationHistory::Parse(stored);
  if (options_.voters.empty()) return paxos::ConfigurationHistory();
  return paxos::ConfigurationHistory(paxos::Configuration::OfVoters(options_.voters));
}

absl::StatusOr<Snapshot> NodeStorage::Checkpoint(OpenStorage& open) const {
  if (absl::Status status = open.engine->Flush(); !status.ok()) return status;
  const auto slot = open.machine->DurableApplied();
  if (!slot.ok()) return slot.status();
  return Snapshot{*slot, engine_disk_->Load(kEngineDir)};
}

absl::Status NodeStorage::CutLog(OpenStorage& open) const {
  return open.log->CutThrough(kGroup, fetched_->slot, storage::CutKind::kDurable);
}

absl::Status NodeStorage::SwapEngine(OpenStorage& open) {
  engine_disk_->Store(kEngineDir, std::move(fetched_->image));
  fetched_.reset();
  return OpenEngine(open);
}

void NodeStorage::Wipe() {
  disk_.Wipe();
  LoseEngine();
}

void NodeStorage::LoseEngine() {
  engine_disk_ = std::make_shared<storage::MemoryDisk>();
  fetched_.reset();
}

}  // namespace synod::sim
