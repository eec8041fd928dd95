// The part of Node that carries out what the core wants done (ready.h).
#include <utility>

#include "tests/sim/kv_model.h"
#include "tests/sim/message_trace.h"
#include "tests/sim/node.h"

namespace synod::sim {
namespace {

constexpr size_t kLearnedBytes = 64 << 10;

}  // namespace

void Node::Receive(paxos::Message message) {
  if (!life_->replica) return;  // still recovering
  spotter_.OnReceive(message);
  world_.Note(id(), "receive", {{"from", message.from.value()}, {"kind", message.body.index()}});
  life_->replica->Step(std::move(message));
  Pump();
}

void Node::Pump() {
  Life& life = *life_;
  if (life.pump_scheduled || !life.replica->HasReady()) return;
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
}

void Node::Send(const paxos::Message& original) {
  const paxos::Message message = options_.plant == Plant::kNone ? original : BendMessage(original);
  observer_.OnSend(message, process_.life());
  spotter_.OnSend(message);
  network_.Send(message);
}

void Node::Released(LogWriter::Work work) {
  observer_.OnDurable(id(), work.records);
  for (const paxos::Record& record : work.records) spotter_.OnDurable(id(), record);
  for (const paxos::Message& message : work.messages) Send(message);
  for (const paxos::LearnReply& reply : work.learn_replies) Teach(reply);
  if (work.token != 0) life_->replica->Persisted(work.token);
  Pump();
}

void Node::Teach(const paxos::LearnReply& reply) {
  auto values =
      life_->storage.log->ReadValues(kGroup, reply.first_slot, reply.last_slot, kLearnedBytes);
  // Cut away meanwhile, or known here from the engine alone: another peer will be asked.
  if (!values.ok() || values->empty()) return;
  paxos::Learned learned;
  learned.chosen_through = life_->replica->status().chosen_through;
  for (paxos::AcceptedValue& value : *values) {
    learned.values.push_back({value.slot, std::move(value.value)});
  }
  Send({kGroup, id(), reply.to, std::move(learned)});
}

void Node::OnApplied(const paxos::ChosenValue& value, absl::Span<const kv::Result> results) {
  const std::vector<paxos::CommandView> commands = value.value.Commands();
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
  life_->replica->Applied(applied, Planted(Plant::kDurableEarly) ? applied : durable);
  Pump();
}

void Node::CutLog() {
  const Slot through = Planted(Plant::kCutEarly) ? life_->replica->status().chosen_through
                                                 : life_->replica->cut_through();
  if (!through) return;
  const uint64_t size = life_->storage.log->SizeBytes();
  const absl::Status status = life_->storage.log->CutThrough(kGroup, through);
  if (life_->storage.log->SizeBytes() < size) world_.coverage.Saw(Situation::kLogCut);
  if (!status.ok()) OnStorageError(status);
}

}  // namespace synod::sim
