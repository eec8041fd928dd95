// The part of Node that carries out what the core wants done (ready.h).
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "tests/sim/kv_model.h"
#include "tests/sim/message_trace.h"
#include "tests/sim/node.h"

namespace synod::sim {
void Node::Receive(paxos::Message message) {
  if (!life_->replica) return;  // still recovering
  if (options_.plant != Plant::kNone) BendReceived(message);
  spotter_.OnReceive(message);
  world_.Note(id(), "receive", {{"from", message.from.value()}, {"kind", message.body.index()}});
  life_->replica->Step(std::move(message));
  Pump();
}

void Node::Pump() {
  Life& life = *life_;
  if (!process_.alive() || life.pump_scheduled || !life.replica->HasReady()) return;
  if (options_.ready_delay == absl::ZeroDuration()) {
    CarryOut(life.replica->TakeReady());
    Pump();
    return;
  }
  life.pump_scheduled = true;
  process_.After(DrawDuration(random_, options_.ready_delay), [this] {
    life_->pump_scheduled = false;
    if (life_->replica->HasReady()) CarryOut(life_->replica->TakeReady());
    Pump();
  });
}

void Node::CarryOut(paxos::Ready ready) {
  Life& life = *life_;
  const paxos::ReplicaStatus status = life.replica->status();
  spotter_.OnStatus(id(), status, options_.replica.election_ticks);
  if (status.role == paxos::Role::kLeader && status.leader_ballot != life.led) {
    life.led = status.leader_ballot;
    observer_.OnLeader(id(), process_.life(), life.led);
  }
  if (options_.plant != Plant::kNone) BendReady(ready);
  for (const paxos::Message& message : ready.messages) Send(message);
  life.log_writer->Push({std::move(ready.records), std::move(ready.messages_after_sync),
                         std::move(ready.learn_replies), ready.token});
  for (const paxos::ChosenValue& chosen : ready.chosen) observer_.OnHandedOut(id(), chosen);
  if (options_.plant != Plant::kNone) BendChosen(ready.chosen);
  life.applier->Push(std::move(ready.chosen));
  for (const paxos::SafeRead& read : ready.reads) OnSafeRead(read);
  if (ready.snapshot_fetch) Fetch(*ready.snapshot_fetch);
  StopIfOut(status);
}

// A node that was removed, or whose log is not the one the others know, must not go on.
bool Node::StopIfOut(const paxos::ReplicaStatus& status) {
  // A removed node stays for as long as the others may need its votes.
  if (!status.impostor && !status.removed) return false;
  world_.coverage.Saw(status.impostor ? Situation::kWipedNodeStopped : Situation::kMemberRemoved);
  Retire();
  return true;
}

void Node::Send(const paxos::Message& original) {
  std::optional<paxos::Message> bent;
  if (options_.plant != Plant::kNone) bent = BendMessage(original);
  const paxos::Message& message = bent ? *bent : original;
  observer_.OnSend(message, process_.life());
  spotter_.OnSend(message);
  network_.Send(message);
}

void Node::Released(LogWriter::Work work) {
  observer_.OnDurable(id(), work.records);
  for (const paxos::Record& record : work.records) {
    spotter_.OnDurable(id(), record);
    founded_ = founded_ || std::holds_alternative<paxos::FoundedRecord>(record.body);
  }
  for (const paxos::Message& message : work.messages) Send(message);
  for (const paxos::LearnReply& reply : work.learn_replies) Teach(reply);
  if (work.token != 0) life_->replica->Persisted(work.token);
  Pump();
}

void Node::OnApplied(const paxos::ChosenValue& value, absl::Span<const kv::Result> results) {
  std::vector<paxos::CommandView> commands;
  if (value.value.kind() == paxos::Value::Kind::kCommands) commands = value.value.Commands();
  std::string flat;
  for (const kv::Result& result : results) flat += Flatten(result);
  life_->applied = value.slot;
  observer_.OnApplied(id(), value.slot, HashBytes(flat));
  for (size_t i = 0; i < commands.size(); ++i) {
    if (commands[i].id.origin == id()) AnswerWrite(commands[i].id, results[i]);
  }
}

void Node::Progressed(Slot applied, Slot durable) {
  AnswerReads();
  observer_.OnDurableState(id(), durable);
  life_->replica->Applied(applied, Planted(Plant::kDurableEarly) ? applied : durable);
  Pump();
}

void Node::CutLog() {
  Slot through = life_->replica->cut_through();
  if (random_.Chance(options_.cut_own_chance)) {
    through = std::max(through, life_->storage.machine->DurableApplied().value_or(Slot()));
  }
  if (Planted(Plant::kCutEarly)) through = life_->replica->status().chosen_through;
  if (!through) return;
  const uint64_t size = life_->storage.log->SizeBytes();
  const absl::Status status = life_->storage.log->CutThrough(kGroup, through);
  if (life_->storage.log->SizeBytes() < size) world_.coverage.Saw(Situation::kLogCut);
  if (!status.ok()) OnStorageError(status);
}

}  // namespace synod::sim
