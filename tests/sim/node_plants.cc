// The planted bugs of plant.h that bend what a node does for its core.
#include <algorithm>
#include <utility>
#include <variant>

#include "tests/sim/node.h"

namespace synod::sim {
namespace {

template <class Record>
void Drop(std::vector<paxos::Record>& records) {
  std::erase_if(records, [](const paxos::Record& record) {
    return std::holds_alternative<Record>(record.body);
  });
}

}  // namespace

void Node::BendRecovered(paxos::RecoveredState& recovered) const {
  if (Planted(Plant::kForgetPromise)) recovered.promised = paxos::Ballot();
  if (Planted(Plant::kReuseBallot) && recovered.promised.node == id()) --recovered.promised.round;
  if (Planted(Plant::kForgetVotes)) recovered.accepted.clear();
  if (Planted(Plant::kHideLostVotes)) {
    recovered.unknown.clear();
    recovered.lost_through = paxos::Ballot();
  }
  if (Planted(Plant::kUnderstateLostVotes)) {
    for (paxos::UnknownVote& vote : recovered.unknown) vote.bound = paxos::Ballot();
    if (recovered.lost_through) recovered.lost_through = {1, NodeId(1)};
  }
  if (Planted(Plant::kVoteUnfounded)) recovered.founded = true;
  if (Planted(Plant::kSameInstance)) recovered.instance = id().value();
  if (Planted(Plant::kForgetConfigurations) && !options_.voters.empty()) {
    recovered.configurations =
        paxos::ConfigurationHistory(paxos::Configuration::OfVoters(options_.voters));
  }
}

void Node::BendOptions(paxos::ReplicaOptions& options) const {
  if (Planted(Plant::kWiderWindow) && id() == NodeId(1)) options.window *= 2;
}

absl::StatusOr<Slot> Node::BendCheckpoint(const std::string& dir) {
  const std::string current = life_->storage.directories->current();
  const storage::MemoryImage before = storage_.engine_disk().Load(current);
  if (absl::Status status = life_->storage.engine->Flush(); !status.ok()) return status;
  storage::MemoryImage image = storage_.engine_disk().Load(current);
  storage::MemoryTree& keys = image[static_cast<size_t>(storage::Column::kCurrent)];
  if (Planted(Plant::kMixedSnapshot)) {
    keys = before[static_cast<size_t>(storage::Column::kCurrent)];
  } else {
    storage::MemoryTree::Cursor first(keys);
    first.SeekFirst();
    if (first.valid()) keys.Erase(std::string(first.key()));
  }
  if (auto status = storage_.engine_disk().Checkpoint(dir, image); !status.ok()) return status;
  return life_->storage.machine->applied();
}

void Node::BendReady(paxos::Ready& ready) {
  if (Planted(Plant::kReplyBeforeSync)) {
    for (paxos::Message& message : std::exchange(ready.messages_after_sync, {})) {
      ready.messages.push_back(std::move(message));
    }
  }
  if (Planted(Plant::kPersistedBeforeSync) && ready.token != 0) {
    life_->replica->Persisted(ready.token);
  }
  if (Planted(Plant::kTeachFromStaleLog)) {
    for (const paxos::LearnReply& reply : std::exchange(ready.learn_replies, {})) Teach(reply);
  }
  if (Planted(Plant::kDropPromiseRecords)) Drop<paxos::PromiseRecord>(ready.records);
  if (Planted(Plant::kDropAcceptedRecords)) Drop<paxos::AcceptedRecord>(ready.records);
  if (Planted(Plant::kDropLearnedRecords)) Drop<paxos::LearnedRecord>(ready.records);
  if (Planted(Plant::kReadSlotEarly)) {
    for (paxos::SafeRead& read : ready.reads) read.slot = Slot(read.slot.value() / 2);
  }
  if (Planted(Plant::kTeachTooFar)) {
    for (paxos::LearnReply& reply : ready.learn_replies) reply.last_slot = reply.last_slot + 100;
  }
}

void Node::BendChosen(std::vector<paxos::ChosenValue>& chosen) const {
  if (Planted(Plant::kSwapSlots) && chosen.size() > 1) std::swap(chosen[0].value, chosen[1].value);
  if (id() != NodeId(1)) return;
  for (paxos::ChosenValue& value : chosen) {
    if (Planted(Plant::kSkipCommand) && value.slot.value() % 16 == 0) value.value = paxos::Value();
  }
  if (Planted(Plant::kLoseSlots)) {
    std::erase_if(chosen, [](const auto& value) { return value.slot.value() % 16 == 0; });
  }
}

bool Node::ReadsUnasked() const {
  if (Planted(Plant::kReadWithoutQuorum)) return true;
  return Planted(Plant::kReadAfterPause) && life_->replica->status().leader_serves &&
         world_.loop.now() - resumed_at_ < options_.replica.election_ticks * options_.tick;
}

// As if the receiver had answered at once.
void Node::Forge(const paxos::Message& sent, paxos::MessageBody answer) {
  process_.After(absl::ZeroDuration(),
                 [this, forged = paxos::Message{sent.group, sent.to, sent.from,
                                                std::move(answer)}] { Receive(forged); });
}

paxos::Message Node::BendMessage(paxos::Message message) {
  if (auto* promise = std::get_if<paxos::Promise>(&message.body)) {
    if (Planted(Plant::kHideVotes)) promise->accepted.clear();
    if (Planted(Plant::kPromiseTooHigh)) ++promise->chosen_through;
    if (Planted(Plant::kUnderstateVotes)) {
      for (paxos::AcceptedValue& vote : promise->accepted) vote.ballot = {1, NodeId(1)};
    }
  } else if (auto* accept = std::get_if<paxos::Accept>(&message.body)) {
    const bool first_other = message.to == NodeId(id() == NodeId(1) ? 2 : 1);
    if (Planted(Plant::kForgeAccepted) || (Planted(Plant::kForgeOneVote) && first_other)) {
      Forge(message, paxos::Accepted{accept->ballot, accept->slot});
    }
    if (Planted(Plant::kTwoValues) && first_other) accept->value = paxos::Value();
  } else if (auto* heartbeat = std::get_if<paxos::Heartbeat>(&message.body)) {
    if (Planted(Plant::kWatermarkTooHigh)) ++heartbeat->chosen_through;
    if (Planted(Plant::kConfirmAnyRound)) {
      Forge(message,
            paxos::HeartbeatReply{heartbeat->ballot, heartbeat->read_round, Slot(), Slot(), 0});
    }
  } else if (auto* learned = std::get_if<paxos::Learned>(&message.body)) {
    if (Planted(Plant::kTeachNoOps)) {
      for (paxos::ChosenValue& value : learned->values) value.value = paxos::Value();
    }
  }
  return message;
}

void Node::BendReceived(paxos::Message& message) {
  const paxos::Ballot promised = life_->replica->status().promised;
  if (const auto* accept = std::get_if<paxos::Accept>(&message.body)) {
    if (Planted(Plant::kAcceptedIsChosen)) {
      life_->replica->Step({kGroup, message.from, id(),
                            paxos::Learned{{{accept->slot, accept->value}}, accept->slot}});
    }
    if (Planted(Plant::kAcceptBelowPromise) && accept->ballot < promised) {
      const paxos::Accepted vote{accept->ballot, accept->slot};
      LogWriter::Work work;
      work.records.push_back(
          {kGroup, paxos::AcceptedRecord{accept->slot, accept->ballot, accept->value, Slot()}});
      work.messages.push_back({kGroup, id(), message.from, vote});
      life_->log_writer->Push(std::move(work));
    }
  } else if (const auto* prepare = std::get_if<paxos::Prepare>(&message.body)) {
    if (Planted(Plant::kPromiseBelowPromise) && prepare->ballot < promised) {
      Send({kGroup, id(), message.from, paxos::Promise{prepare->ballot, Slot(), {}}});
    }
  } else {
    BendReceivedAnswer(message);
  }
}

// Where the core of this node would not look closely enough.
void Node::BendReceivedAnswer(paxos::Message& message) {
  const paxos::ReplicaStatus status = life_->replica->status();
  if (auto* promise = std::get_if<paxos::Promise>(&message.body)) {
    if (Planted(Plant::kIgnoreReportedVotes)) promise->accepted.clear();
    if (Planted(Plant::kLowestVoteWins)) {
      for (paxos::AcceptedValue& vote : promise->accepted) {
        vote.ballot.round = std::max<uint64_t>(1, promise->ballot.round - vote.ballot.round);
      }
    }
  } else if (std::holds_alternative<paxos::Accepted>(message.body)) {
    if (Planted(Plant::kLearnerVotesCount) && status.role == paxos::Role::kLeader) {
      // As if it were the vote of the first voter beside this node.
      const std::vector<NodeId>& voters = status.configuration->voters();
      const bool learner = !status.configuration->IsVoter(message.from);
      if (learner) message.from = voters[voters.front() == id() && voters.size() > 1 ? 1 : 0];
    }
  } else if (auto* forward = std::get_if<paxos::Forward>(&message.body)) {
    if (Planted(Plant::kForgetForwards)) forward->life = random_.Next();
  }
}

}  // namespace synod::sim
