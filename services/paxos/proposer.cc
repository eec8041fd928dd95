#include "services/paxos/proposer.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

Proposer::Proposer(const ConfigurationHistory* configurations, Ballot ballot, uint64_t window,
                   size_t window_bytes)
    : configurations_(configurations),
      ballot_(ballot),
      window_(window),
      window_bytes_(window_bytes) {}

bool Proposer::OnPromise(NodeId from, const Promise& promise, Slot chosen_through) {
  const bool needed = !leads_ || !promises_.Intact() ||
                      !configurations_->IsQuorumOfAll(promises_.promised_by(), chosen_through);
  // What nobody needs would only bring back values that no quorum voted for.
  if (!needed || promise.told_above > std::max(promise.chosen_through, chosen_through)) {
    return false;
  }
  promises_.Add(from, promise);
  const bool first = !leads_;
  if (first && !configurations_->IsQuorumOfAll(promises_.promised_by(), chosen_through)) {
    return false;
  }
  leads_ = true;
  const Slot floor = promises_.chosen_floor();
  SkipTo(std::max(floor, chosen_through).next());
  promises_.ForgetThrough(Slot(next_slot_.value() - 1));
  const Slot barrier = std::max(floor, promises_.last_touched()).next();
  // A slot that this ballot proposes, though more was learned since Prepare; a later promise moves
  // it only by votes in slots that are still to be proposed.
  if (first || barrier > next_slot_) barrier_ = std::max({barrier_, barrier, next_slot_});
  return first;
}

std::vector<NodeId> Proposer::Unpromised(Slot chosen_through) const {
  if (leads_ && promises_.Intact() &&
      configurations_->IsQuorumOfAll(promises_.promised_by(), chosen_through)) {
    return {};
  }
  const bool ask_again = leads_ && !Informed();
  std::vector<NodeId> missing = configurations_->MembersAbove(chosen_through);
  std::erase_if(missing, [&](NodeId node) {
    const bool more = ask_again && promises_.Hides(node, next_slot_);
    return (promises_.promised_by().Has(node) && !more) ||
           !configurations_->IsVoterAbove(node, chosen_through);
  });
  return missing;
}

bool Proposer::Informed() const {
  return promises_.Know(configurations_->At(next_slot_), next_slot_);
}

bool Proposer::Settled(Slot chosen_through) const {
  if (!leads_ || chosen_through < barrier_) return false;
  return std::all_of(configurations_->BeginAbove(chosen_through), configurations_->end(),
                     [&](const ConfigurationHistory::Era& era) {
                       return promises_.Know(*era.configuration,
                                             std::max(next_slot_, era.governs_from));
                     });
}

bool Proposer::CanPropose(Slot chosen_through) const {
  // By what this node knows itself, not by the floor: while it still catches up, its own acceptor
  // would not vote so far ahead, and what it proposes must be in its own log.
  return leads_ && next_slot_ <= chosen_through + window_ && in_flight_bytes_ < window_bytes_ &&
         Informed();
}

Accept Proposer::Repropose(Slot chosen_through, uint64_t now) {
  SYNOD_CHECK(MustRepropose() && CanPropose(chosen_through)) << "slot=" << next_slot_;
  const Value* bound = promises_.Bound(next_slot_);
  const Value value = bound == nullptr ? Value() : *bound;
  promises_.ForgetThrough(next_slot_);
  return Send(value, chosen_through, now);
}

Accept Proposer::Propose(Value value, Slot chosen_through, uint64_t now) {
  SYNOD_CHECK(!MustRepropose() && CanPropose(chosen_through)) << "slot=" << next_slot_;
  return Send(std::move(value), chosen_through, now);
}

Accept Proposer::Send(Value value, Slot chosen_through, uint64_t now) {
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
  if (!at->second.accepted_by.IsQuorum(configurations_->At(slot))) return std::nullopt;
  ChosenValue chosen{slot, at->second.value};
  Forget(at);
  return chosen;
}

void Proposer::ForgetThrough(Slot chosen_through) {
  auto at = in_flight_.begin();
  while (at != in_flight_.end() && at->first <= chosen_through) at = Forget(at);
  SkipTo(chosen_through.next());
  promises_.ForgetThrough(chosen_through);
}

// A barrier that others have chosen is none: when promises were forgetful, more may have been
// chosen behind it. It must be a slot of this ballot, proposed by one who was informed there.
void Proposer::SkipTo(Slot next) {
  if (next <= next_slot_) return;
  if (leads_ && next_slot_ <= barrier_ && barrier_ < next) barrier_ = next;
  next_slot_ = next;
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
    for (const NodeId voter : configurations_->At(slot).voters()) {
      if (flight.accepted_by.Has(voter)) continue;
      resends.push_back({voter, {ballot_, slot, flight.value, chosen_through}});
    }
  }
  return resends;
}

}  // namespace synod::paxos
