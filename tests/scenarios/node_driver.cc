// The part of Node that carries out what the core wants done (ready.h), and tells of it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/scenarios/node.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

// Few small values a message, so that catching up takes several.
constexpr size_t kLearnedBytes = 64;

std::string RoleWords(const paxos::ReplicaStatus& status) {
  switch (status.role) {
    case paxos::Role::kProbing:
      return "probes";
    case paxos::Role::kPreparing:
      return absl::StrCat("prepares ballot ", BallotWord(status.promised));
    case paxos::Role::kLeader:
      return absl::StrCat("leads at ballot ", BallotWord(status.leader_ballot));
    case paxos::Role::kFollower:
      break;
  }
  if (!status.leader) return "follows nobody";
  return absl::StrCat("follows ", NodeName(status.leader), " at ballot ",
                      BallotWord(status.leader_ballot));
}

}  // namespace

void Node::Drive() {
  SayChanges();
  while (replica_->HasReady() || (!held_ && !work_.empty())) {
    if (replica_->HasReady()) CarryOut(replica_->TakeReady());
    if (!held_) SyncLog();
    SayChanges();
  }
}

void Node::CarryOut(paxos::Ready ready) {
  for (paxos::Message& message : ready.messages) around_.network.Send(std::move(message));
  work_.push_back({std::move(ready.records), std::move(ready.messages_after_sync),
                   std::move(ready.learn_replies), ready.token});
  for (const paxos::ChosenValue& chosen : ready.chosen) Apply(chosen);
  for (const paxos::SafeRead& read : ready.reads) reads_.emplace(read.slot, read.read_id);
  AnswerReads();
  if (ready.snapshot_fetch) Install(*ready.snapshot_fetch);
}

void Node::SyncLog() {
  while (!work_.empty()) {
    Work work = std::move(work_.front());
    work_.pop_front();
    if (!work.records.empty()) {
      SYNOD_CHECK(log_->Append(work.records).ok());
      SYNOD_CHECK(log_->Sync().ok());
    }
    for (const paxos::Record& record : work.records) {
      Say(Level::kRecord, absl::StrCat("logs ", RecordWords(record.body)));
    }
    for (paxos::Message& message : work.messages) around_.network.Send(std::move(message));
    for (const paxos::LearnReply& reply : work.learn_replies) Teach(reply);
    if (work.token != 0) replica_->Persisted(work.token);
  }
}

void Node::Apply(const paxos::ChosenValue& chosen) {
  if (chosen.slot <= state_.slot) return;  // a snapshot was quicker
  SYNOD_CHECK(chosen.slot == state_.slot.next()) << "handed out slot=" << chosen.slot;
  state_.slot = chosen.slot;
  std::string words = ValueWords(chosen.value);
  if (chosen.value.kind() == paxos::Value::Kind::kCommands) state_.values.push_back(words);
  const bool takes_effect =
      state_.configurations.Choose(chosen.slot, chosen.value, options_.window);
  if (takes_effect) {
    absl::StrAppend(&words, ", in force from slot ",
                    state_.configurations.latest().governs_from.value());
  } else if (chosen.value.kind() == paxos::Value::Kind::kConfiguration) {
    absl::StrAppend(&words, ", void");
  }
  Say(Level::kChange, absl::StrCat("applies slot ", chosen.slot.value(), ": ", words));
  replica_->Applied(state_.slot, durable_.slot);
}

void Node::AnswerReads() {
  while (!reads_.empty() && reads_.begin()->first <= state_.slot) {
    Say(Level::kChange, absl::StrCat("answers read ", reads_.begin()->second, ": ", StateWords()));
    reads_.erase(reads_.begin());
  }
}

void Node::Teach(const paxos::LearnReply& reply) {
  auto values = reply.first_slot
                    ? log_->ReadValues(kGroup, reply.first_slot, reply.last_slot, kLearnedBytes)
                    : absl::OutOfRangeError("no state at all");
  if (absl::IsOutOfRange(values.status())) {
    // An offer makes the state durable that it offers.
    durable_ = state_;
    if (state_.slot >= reply.first_slot) Send(reply.to, paxos::SnapshotOffer{state_.slot});
    return;
  }
  SYNOD_CHECK(values.ok()) << values.status();
  if (values->empty()) return;
  paxos::Learned learned{{}, status().chosen_through};
  for (paxos::AcceptedValue& value : *values) {
    learned.values.push_back({value.slot, std::move(value.value)});
  }
  Send(reply.to, std::move(learned));
}

// Everything at once: the log forgets, then the state changes, then the core is told.
void Node::Install(const paxos::SnapshotFetch& fetch) {
  const Node& source = *around_.nodes.at(fetch.from);
  const std::string what = absl::StrCat("a snapshot of ", NodeName(fetch.from));
  const bool reachable = !source.down() && !around_.network.IsCut(fetch.from, id()) &&
                         !around_.network.IsCut(id(), fetch.from);
  if (!reachable || source.durable_.slot < fetch.at_least || source.durable_.slot <= applied()) {
    Say(Level::kChange, absl::StrCat("cannot fetch ", what));
    replica_->FetchFailed();
    return;
  }
  SYNOD_CHECK(log_->CutThrough(kGroup, source.durable_.slot, storage::CutKind::kDurable).ok());
  durable_ = state_ = source.durable_;
  Say(Level::kChange,
      absl::StrCat("installs ", what, " through slot ", state_.slot.value(), ": ", StateWords()));
  replica_->Installed(state_.slot, state_.configurations);
}

void Node::SayChanges() {
  const paxos::ReplicaStatus before = std::exchange(said_, status());
  const paxos::ReplicaStatus& now = said_;
  if (RoleWords(before) != RoleWords(now)) Say(Level::kChange, RoleWords(now));
  if (now.leader_serves && !before.leader_serves) Say(Level::kChange, "serves");
  if (now.founded && !before.founded) Say(Level::kChange, "may vote");
  if (now.impostor && !before.impostor) {
    Say(Level::kChange, "is an impostor: others know it by another log");
  }
  if (now.sealed > before.sealed) {
    Say(Level::kChange,
        absl::StrCat("knows the configuration of slot ", now.sealed.value(), " to be sealed"));
  }
  if (now.removed && !before.removed) Say(Level::kChange, "is removed and may go");
}

void Node::Send(NodeId to, paxos::MessageBody body) {
  around_.network.Send({kGroup, id(), to, std::move(body)});
}

void Node::Say(Level level, const std::string& what) {
  around_.transcript.Add(level, absl::StrCat(NodeName(id()), " ", what));
}

}  // namespace synod::scenarios
