// The part of Node that clients talk to.
#include <utility>

#include "services/kv/command.h"
#include "tests/sim/node.h"

namespace synod::sim {

paxos::CommandId Node::Write(const kv::Request& request, WriteDone done) {
  if (!Joined()) {
    done({Outcome::kRefused, {}});
    return {};
  }
  Life& life = *life_;
  const paxos::Command command{{id(), life.next_sequence++}, kv::EncodeCommand(request)};
  observer_.OnProposed(command);
  if (Planted(Plant::kAcknowledgeEarly)) {
    observer_.OnAcknowledged(id(), command.id);
    done({Outcome::kOk, {}});
  }
  const paxos::Admission admission = life.replica->Propose(command);
  if (Planted(Plant::kProposeTwice)) life.replica->Propose(command);
  if (admission == paxos::Admission::kAdmitted) {
    life.writes[command.id.sequence] = {world_.loop.now(), std::move(done)};
  } else {
    if (admission == paxos::Admission::kOverloaded) world_.coverage.Saw(Situation::kOverloaded);
    done({Outcome::kRefused, {}});
  }
  Pump();
  return command.id;
}

void Node::Read(const kv::RangeRequest& request, kv::Revision min_revision, ReadDone done) {
  if (!Joined()) {
    done({Outcome::kRefused, {}, 0});
    return;
  }
  Life& life = *life_;
  if (Planted(Plant::kIgnoreMinRevision)) min_revision = 0;
  PendingRead read{world_.loop.now(), request, min_revision, std::move(done)};
  const bool behind = min_revision > 0 && life.storage.machine->View()->revision() < min_revision;
  if ((request.serializable && !behind) || ReadsUnasked()) {
    Answer(read);
    return;
  }
  if (request.serializable) world_.coverage.Saw(Situation::kReadWaited);
  const uint64_t read_id = life.next_read++;
  if (life.replica->Read(read_id) == paxos::Admission::kAdmitted) {
    life.reads.emplace(read_id, std::move(read));
  } else {
    read.done({Outcome::kRefused, {}, 0});
  }
  Pump();
}

void Node::ProposeConfiguration(paxos::Configuration next) {
  if (!Joined()) return;
  const paxos::ConfigurationChange change{life_->replica->status().configuration_slot,
                                          std::move(next)};
  const paxos::Command command{
      {id(), life_->next_sequence++}, change.Encode(), paxos::CommandKind::kConfiguration};
  observer_.OnProposed(command);
  life_->replica->Propose(command);
  Pump();
}

bool Node::HandOver(NodeId to) {
  const bool asked = Joined() && life_->replica->HandOver(to);
  if (asked) Pump();
  return asked;
}

std::vector<paxos::MemberProgress> Node::Progress() const {
  return Joined() ? life_->replica->progress() : std::vector<paxos::MemberProgress>();
}

void Node::OnSafeRead(const paxos::SafeRead& safe) {
  Life& life = *life_;
  auto pending = life.reads.extract(safe.read_id);
  if (pending.empty()) return;  // timed out
  if (safe.slot <= life.applied || Planted(Plant::kReadBeforeApplied)) {
    Answer(pending.mapped());
  } else {
    life.reads_at.emplace(safe.slot, std::move(pending.mapped()));
  }
}

void Node::AnswerReads() {
  Life& life = *life_;
  while (!life.reads_at.empty() && life.reads_at.begin()->first <= life.applied) {
    Answer(life.reads_at.begin()->second);
    life.reads_at.erase(life.reads_at.begin());
  }
}

void Node::Answer(const PendingRead& read) {
  const auto view = life_->storage.machine->View();
  auto result = view->Range(read.request);
  if (view->revision() < read.min_revision) {
    read.done({Outcome::kRefused, {}, 0});
    return;
  }
  if (result.error == kv::Error::kCompacted) {
    world_.coverage.Saw(Situation::kCompactedReadRefused);
    if (Planted(Plant::kReadBelowFloor)) result.error = kv::Error::kNone;
  }
  if (!read.request.serializable && life_->replica->status().role != paxos::Role::kLeader) {
    world_.coverage.Saw(Situation::kReadByFollower);
  }
  read.done({Outcome::kOk, std::move(result.response), view->revision(), result.error});
}

void Node::AnswerWrite(const paxos::CommandId& command, const kv::Result& result) {
  auto pending = life_->writes.extract(command.sequence);
  if (pending.empty()) return;  // timed out, or of an earlier life
  observer_.OnAcknowledged(id(), command);
  pending.mapped().done({Outcome::kOk, result});
}

void Node::ExpireRequests() {
  Life& life = *life_;
  const absl::Duration deadline = world_.loop.now() - options_.request_timeout;
  std::erase_if(life.writes,
                [deadline](const auto& write) { return write.second.since < deadline; });
  const bool read_is_late = !life.reads.empty() && life.reads.begin()->second.since < deadline;
  if (!read_is_late) return;
  // The core forgets reads together or not at all; the younger ones fail early.
  life.replica->CancelReads();
  life.reads.clear();
}

}  // namespace synod::sim
