#include "services/paxos/promises.h"

#include <algorithm>

namespace synod::paxos {

void Promises::Add(NodeId from, const Promise& promise) {
  if (promised_by_.Has(from)) return;
  promised_by_.Add(from);
  const auto bind = [this](const AcceptedValue& vote) {
    auto [at, first] = bound_.try_emplace(vote.slot, vote);
    if (!first && at->second.ballot < vote.ballot) at->second = vote;
  };
  for (const AcceptedValue& vote : promise.accepted) bind(vote);
  for (const ChosenValue& chosen : promise.chosen) bind({chosen.slot, Ballot::Max(), chosen.value});
  for (const UnknownVote& vote : promise.unknown) unknown_[vote.slot][from] = vote.bound;
  if (promise.lost_through) lost_[from] = promise.lost_through;
  // Each promise lists all that its sender knows above its own watermark, and all watermarks are at
  // or below the floor: above the floor the picture is complete.
  chosen_floor_ = std::max(chosen_floor_, promise.chosen_through);
  ForgetThrough(chosen_floor_);
}

Slot Promises::last_touched() const {
  Slot last;
  if (!bound_.empty()) last = bound_.rbegin()->first;
  if (!unknown_.empty()) last = std::max(last, unknown_.rbegin()->first);
  return last;
}

bool Promises::Know(const Configuration& configuration, Slot slot) const {
  if (Intact()) return promised_by_.IsQuorum(configuration);
  const auto bound = bound_.find(slot);
  const Ballot highest = bound == bound_.end() ? Ballot() : bound->second.ballot;
  const auto unknown = unknown_.find(slot);
  Tally knowing;
  for (const NodeId voter : configuration.voters()) {
    if (!promised_by_.Has(voter)) continue;
    const auto lost = lost_.find(voter);
    if (lost != lost_.end() && lost->second > highest) continue;
    if (unknown != unknown_.end()) {
      const auto vote = unknown->second.find(voter);
      if (vote != unknown->second.end() && vote->second > highest) continue;
    }
    knowing.Add(voter);
  }
  return knowing.IsQuorum(configuration);
}

const Value* Promises::Bound(Slot slot) const {
  const auto at = bound_.find(slot);
  return at == bound_.end() ? nullptr : &at->second.value;
}

void Promises::ForgetThrough(Slot slot) {
  bound_.erase(bound_.begin(), bound_.upper_bound(slot));
  unknown_.erase(unknown_.begin(), unknown_.upper_bound(slot));
}

}  // namespace synod::paxos
