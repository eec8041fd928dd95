#include "services/paxos/proposer.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

Proposer::Proposer(const Configuration* configuration, Ballot ballot, uint64_t window,
                   size_t window_bytes)
    : configuration_(configuration),
      ballot_(ballot),
      window_(window),
      window_bytes_(window_bytes) {}

bool Proposer::OnPromise(NodeId from, const Promise& promise) {
  if (leads_ || promised_by_.Has(from)) return false;
  promised_by_.Add(from);
  chosen_floor_ = std::max(chosen_floor_, promise.chosen_through);
  for (const AcceptedValue& accepted : promise.accepted) {
    // P2c: the value of the highest-numbered proposal among those reported for the slot.
    auto [at, first] = bound_.try_emplace(accepted.slot, accepted);
    if (!first && at->second.ballot < accepted.ballot) at->second = accepted;
  }
  if (!promised_by_.IsQuorum(*configuration_)) return false;

  leads_ = true;
  // Each promise lists all that was accepted above its own watermark, and all watermarks are at or
  // below the floor: above the floor the picture is complete.
  bound_.erase(bound_.begin(), bound_.upper_bound(chosen_floor_));
  barrier_ = (bound_.empty() ? chosen_floor_ : bound_.rbegin()->first).next();
  next_slot_ = chosen_floor_.next();
  return true;
}

bool Proposer::CanPropose(Slot chosen_through) const {
  // By what this node knows itself, not by the floor: while it still catches up, its own acceptor
  // would not vote so far ahead, and what it proposes must be in its own log.
  return leads_ && next_slot_ <= chosen_through + window_ && in_flight_bytes_ < window_bytes_;
}

Accept Proposer::Repropose(Slot chosen_through, uint64_t now) {
  SYNOD_CHECK(MustRepropose());
  const auto at = bound_.find(next_slot_);
  if (at == bound_.end()) return Send(Value(), chosen_through, now);
  Value value = std::move(at->second.value);
  bound_.erase(at);
  return Send(std::move(value), chosen_through, now);
}

Accept Proposer::Propose(Value value, Slot chosen_through, uint64_t now) {
  SYNOD_CHECK(!MustRepropose());
  return Send(std::move(value), chosen_through, now);
}

Accept Proposer::Send(Value value, Slot chosen_through, uint64_t now) {
  SYNOD_CHECK(CanPropose(chosen_through)) << "slot=" << next_slot_;
  const Slot slot = next_slot_;
  ++next_slot_;
  in_flight_bytes_ += value.bytes().size();
  in_flight_.try_emplace(slot, InFlight{value, Tally(), now});
  return {ballot_, slot, std::move(value), chosen_through};
}

std::optional<ChosenValue> Proposer::OnAccepted(NodeId from, Slot slot) {
  const auto at = in_flight_.find(slot);
  if (at == in_flight_.end()) return std::nullopt;
  at->second.accepted_by.Add(from);
  if (!at->second.accepted_by.IsQuorum(*configuration_)) return std::nullopt;
  ChosenValue chosen{slot, at->second.value};
  Forget(at);
  return chosen;
}

void Proposer::ForgetThrough(Slot chosen_through) {
  auto at = in_flight_.begin();
  while (at != in_flight_.end() && at->first <= chosen_through) at = Forget(at);
}

std::map<Slot, Proposer::InFlight>::iterator Proposer::Forget(
    std::map<Slot, InFlight>::iterator at) {
  in_flight_bytes_ -= at->second.value.bytes().size();
  return in_flight_.erase(at);
}

std::vector<Proposer::Resend> Proposer::TakeOverdue(uint64_t now, uint64_t patience, size_t limit,
                                                    Slot chosen_through) {
  std::vector<Resend> resends;
  size_t slots = 0;
  for (auto& [slot, flight] : in_flight_) {
    if (slots == limit) break;
    if (now - flight.sent_at < patience) continue;
    flight.sent_at = now;
    ++slots;
    for (const NodeId voter : configuration_->voters()) {
      if (flight.accepted_by.Has(voter)) continue;
      resends.push_back({voter, {ballot_, slot, flight.value, chosen_through}});
    }
  }
  return resends;
}

}  // namespace synod::paxos
