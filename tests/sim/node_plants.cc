// The planted bugs of plant.h that bend what a node does for its core.
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
  if (Planted(Plant::kForgetVotes)) recovered.accepted.clear();
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
  if (Planted(Plant::kDropPromiseRecords)) Drop<paxos::PromiseRecord>(ready.records);
  if (Planted(Plant::kDropLearnedRecords)) Drop<paxos::LearnedRecord>(ready.records);
}

void Node::BendChosen(std::vector<paxos::ChosenValue>& chosen) const {
  if (!Planted(Plant::kSkipCommand) || id() != NodeId(1)) return;
  for (paxos::ChosenValue& value : chosen) {
    if (value.slot.value() % 16 == 0) value.value = paxos::Value();
  }
}

paxos::Message Node::BendMessage(paxos::Message message) {
  if (auto* promise = std::get_if<paxos::Promise>(&message.body)) {
    if (Planted(Plant::kHideVotes)) promise->accepted.clear();
  } else if (const auto* accept = std::get_if<paxos::Accept>(&message.body)) {
    if (Planted(Plant::kForgeAccepted)) {
      const paxos::Accepted forged{accept->ballot, accept->slot};
      process_.After(absl::ZeroDuration(),
                     [this, vote = paxos::Message{message.group, message.to, message.from,
                                                  forged}] { Receive(vote); });
    }
  }
  return message;
}

}  // namespace synod::sim
