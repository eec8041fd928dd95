#include "tests/sim/corruption_node.h"

#include <utility>

#include "common/check.h"
#include "services/node/recovery.h"

namespace synod::sim {

storage::AcceptorLogOptions MatrixLogOptions(NodeId node) {
  storage::AcceptorLogOptions options;
  options.dir = "log";
  options.cluster = ClusterId(1);
  options.node = node;
  options.segment_bytes = 16 << 10;
  options.spare_segments = 0;
  options.new_instance = MatrixInstance(node);
  return options;
}

paxos::ConfigurationHistory MatrixConfiguration() {
  return paxos::ConfigurationHistory(
      paxos::Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)}));
}

MatrixNode::MatrixNode(NodeId id, std::unique_ptr<storage::FaultEnv> disk, MatrixState state,
                       bool forgets)
    : id_(id), forgets_(forgets), disk_(std::move(disk)), state_(std::move(state)) {}

absl::Status MatrixNode::Start() {
  auto log = storage::AcceptorLog::Open(disk_.get(), MatrixLogOptions(id_));
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  auto values = log_->ReadAbove(kMatrixGroup, state_.applied);
  if (!values.ok()) return values.status();
  paxos::RecoveredState recovered =
      node::Recover(log_->State(kMatrixGroup), log_->instance(), state_.applied,
                    state_.configurations, *std::move(values));
  if (forgets_) {
    recovered.unknown.clear();
    recovered.lost_through = paxos::Ballot();
  }
  paxos::ReplicaOptions options;
  options.group = kMatrixGroup;
  options.self = id_;
  options.window = 16;
  options.seed = id_.value();
  replica_ = std::make_unique<paxos::Replica>(std::move(options), std::move(recovered));
  return absl::OkStatus();
}

void MatrixNode::Drive(const Peers& peers, std::vector<paxos::Message>& out) {
  while (replica_->HasReady()) {
    paxos::Ready ready = replica_->TakeReady();
    out.insert(out.end(), ready.messages.begin(), ready.messages.end());
    if (!ready.records.empty()) {
      SYNOD_CHECK(log_->Append(ready.records).ok() && log_->Sync().ok()) << "node=" << id_;
    }
    out.insert(out.end(), ready.messages_after_sync.begin(), ready.messages_after_sync.end());
    if (ready.token != 0) replica_->Persisted(ready.token);
    for (const paxos::ChosenValue& chosen : ready.chosen) Apply(chosen);
    for (const paxos::LearnReply& reply : ready.learn_replies) Teach(reply, out);
    if (ready.snapshot_fetch) {
      const MatrixNode& from = peers(ready.snapshot_fetch->from);
      if (from.running() && from.state().applied >= ready.snapshot_fetch->at_least &&
          from.state().applied > state_.applied) {
        Install(from.state());
      } else {
        replica_->FetchFailed();
      }
    }
  }
}

void MatrixNode::Apply(const paxos::ChosenValue& chosen) {
  if (chosen.slot <= state_.applied) return;  // a snapshot was quicker
  SYNOD_CHECK(chosen.slot == state_.applied.next()) << "node=" << id_ << " slot=" << chosen.slot;
  state_.applied = chosen.slot;
  state_.configurations.Choose(chosen.slot, chosen.value, 16);
  state_.values.insert_or_assign(chosen.slot, chosen.value);
  replica_->Applied(chosen.slot, chosen.slot);
}

void MatrixNode::Teach(const paxos::LearnReply& reply, std::vector<paxos::Message>& out) const {
  const auto values = log_->ReadValues(kMatrixGroup, reply.first_slot, reply.last_slot, 1 << 20);
  if (!reply.first_slot || absl::IsOutOfRange(values.status())) {
    if (state_.applied && state_.applied >= reply.first_slot) {
      out.push_back({kMatrixGroup, id_, reply.to, paxos::SnapshotOffer{state_.applied}});
    }
    return;
  }
  if (!values.ok() || values->empty()) return;
  paxos::Learned learned{{}, reply.last_slot};
  for (const paxos::AcceptedValue& value : *values) {
    learned.values.push_back({value.slot, value.value});
  }
  out.push_back({kMatrixGroup, id_, reply.to, std::move(learned)});
}

void MatrixNode::Install(const MatrixState& snapshot) {
  SYNOD_CHECK(log_->CutThrough(kMatrixGroup, snapshot.applied, storage::CutKind::kDurable).ok());
  state_ = snapshot;
  replica_->Installed(state_.applied, state_.configurations);
}

bool MatrixNode::Propose(const std::string& payload) {
  return replica_->Propose({{id_, 1'000'000 + state_.applied.value()}, payload}) ==
         paxos::Admission::kAdmitted;
}

}  // namespace synod::sim
