#include "tests/sim/node_storage.h"

#include <utility>

#include "services/node/recovery.h"

namespace synod::sim {

NodeStorage::NodeStorage(NodeId node, const std::vector<NodeId>& voters, uint64_t segment_bytes,
                         Random random, Coverage& coverage)
    : node_(node),
      first_(paxos::Configuration::OfVoters(voters)),
      instance_(random.Next()),
      segment_bytes_(segment_bytes),
      disk_(random, coverage) {}

absl::StatusOr<OpenStorage> NodeStorage::Open() {
  OpenStorage open;
  storage::AcceptorLogOptions options;
  options.dir = "log";
  options.cluster = ClusterId(1);
  options.node = node_;
  options.segment_bytes = segment_bytes_;
  options.new_instance = instance_;
  options.spare_segments = 0;  // no thread: a run has one
  auto log = storage::AcceptorLog::Open(&disk_, options);
  if (!log.ok()) return log.status();
  open.log = *std::move(log);
  open.engine = storage::OpenMemoryEngine(engine_disk_);
  auto machine = kv::StateMachine::Open(open.engine.get());
  if (!machine.ok()) return machine.status();
  open.machine = *std::move(machine);
  const Slot applied = open.machine->applied();
  auto values = open.log->ReadAbove(kGroup, applied);
  if (!values.ok()) return values.status();
  auto recovered = node::Recover(open.log->State(kGroup), open.log->instance(), applied, first_,
                                 *std::move(values));
  if (!recovered.ok()) return recovered.status();
  open.recovered = *std::move(recovered);
  return open;
}

}  // namespace synod::sim
