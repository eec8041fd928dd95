#include "services/paxos/learner.h"

#include <utility>

namespace synod::paxos {

void Learner::Choose(Slot slot, Value value) {
  if (slot <= chosen_through_) return;
  if (slot != chosen_through_.next()) {
    waiting_.try_emplace(slot, std::move(value));
    return;
  }
  Advance(slot, std::move(value));
  AdvanceOverWaiting();
}

void Learner::OnWatermark(Slot watermark, const Ballot& ballot, const Acceptor& acceptor) {
  AdvanceOverWaiting();
  while (chosen_through_ < watermark) {
    const AcceptedValue* accepted = acceptor.Find(chosen_through_.next());
    if (accepted == nullptr || accepted->ballot != ballot) return;
    // A restart would not know it again: what catch-up brings goes into the log.
    if (acceptor.IsDoubtful(accepted->slot)) return;
    Advance(accepted->slot, accepted->value);
    AdvanceOverWaiting();
  }
}

void Learner::JumpTo(Slot slot) {
  if (slot <= chosen_through_) return;
  chosen_through_ = slot;
  ready_.clear();
  AdvanceOverWaiting();
}

std::vector<ChosenValue> Learner::TakeChosen() {
  return std::exchange(ready_, {});
}

void Learner::Advance(Slot slot, Value value) {
  chosen_through_ = slot;
  ready_.push_back({slot, std::move(value)});
}

void Learner::AdvanceOverWaiting() {
  auto next = waiting_.begin();
  while (next != waiting_.end() && next->first <= chosen_through_.next()) {
    if (next->first == chosen_through_.next()) Advance(next->first, std::move(next->second));
    next = waiting_.erase(next);
  }
}

}  // namespace synod::paxos
