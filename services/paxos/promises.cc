#include "services/paxos/promises.h"

#include <algorithm>

namespace synod::paxos {

void Promises::Add(NodeId from, const Promise& promise) {
  promised_by_.Add(from);
  for (const AcceptedValue& vote : promise.accepted) {
    auto [at, first] = bound_.try_emplace(vote.slot, vote);
    if (!first && at->second.ballot < vote.ballot) at->second = vote;
  }
  // All promises of a node at one ballot speak of the same votes, those below it, of which there
  // will be no more: each of them is complete by itself, whichever came first.
  untold_.erase(from);
  if (!promise.untold.empty()) untold_[from] = promise.untold;
  lost_.erase(from);
  if (promise.lost_through) lost_[from] = promise.lost_through;
  // Each promise tells of all slots above its sender's watermark and the candidate's: above the
  // floor, and above what the candidate knew itself, the picture is complete.
  chosen_floor_ = std::max(chosen_floor_, promise.chosen_through);
  ForgetThrough(chosen_floor_);
}

Slot Promises::last_touched() const {
  Slot last;
  if (!bound_.empty()) last = bound_.rbegin()->first;
  for (const auto& [node, ranges] : untold_) last = std::max(last, ranges.back().last);
  return last;
}

bool Promises::Know(const Configuration& configuration, Slot slot) const {
  if (Intact()) return promised_by_.IsQuorum(configuration);
  const auto bound = bound_.find(slot);
  const Ballot highest = bound == bound_.end() ? Ballot() : bound->second.ballot;
  Tally knowing;
  for (const NodeId voter : configuration.voters()) {
    if (!promised_by_.Has(voter)) continue;
    const auto lost = lost_.find(voter);
    if (lost != lost_.end() && lost->second > highest) continue;
    const std::optional<Ballot> untold = BoundOfUntold(voter, slot);
    if (untold && *untold > highest) continue;
    knowing.Add(voter);
  }
  return knowing.IsQuorum(configuration);
}

const Value* Promises::Bound(Slot slot) const {
  const auto at = bound_.find(slot);
  return at == bound_.end() ? nullptr : &at->second.value;
}

std::optional<Ballot> Promises::BoundOfUntold(NodeId node, Slot slot) const {
  const auto untold = untold_.find(node);
  if (untold == untold_.end()) return std::nullopt;
  const auto range = std::find_if(untold->second.begin(), untold->second.end(),
                                  [slot](const UntoldVotes& votes) { return votes.last >= slot; });
  if (range == untold->second.end() || range->first > slot) return std::nullopt;
  return range->bound;
}

void Promises::ForgetThrough(Slot slot) {
  bound_.erase(bound_.begin(), bound_.upper_bound(slot));
  for (auto& [node, ranges] : untold_) {
    ranges.erase(ranges.begin(),
                 std::find_if(ranges.begin(), ranges.end(),
                              [slot](const UntoldVotes& votes) { return votes.last > slot; }));
  }
  std::erase_if(untold_, [](const auto& told_by) { return told_by.second.empty(); });
}

}  // namespace synod::paxos
