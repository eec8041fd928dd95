#include "services/paxos/acceptor.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

Acceptor::Acceptor(Ballot promised, std::vector<AcceptedValue> accepted, uint64_t horizon)
    : promised_(promised), horizon_(horizon) {
  for (AcceptedValue& value : accepted) {
    SYNOD_CHECK(value.ballot) << "slot=" << value.slot << " is learned, not accepted";
    // Accepting at a ballot promises it; the log may hold the vote without a separate promise.
    promised_ = std::max(promised_, value.ballot);
    const Slot slot = value.slot;
    accepted_.insert_or_assign(slot, std::move(value));
  }
}

void Acceptor::Forgot(std::vector<UnknownVote> unknown, Ballot lost_through) {
  lost_through_ = lost_through;
  for (const UnknownVote& vote : unknown) unknown_[vote.slot] = vote.bound;
}

Acceptor::PrepareAnswer Acceptor::OnPrepare(const Prepare& prepare, Slot chosen_through) {
  if (prepare.ballot < promised_) return {Reject{prepare.ballot, promised_}, std::nullopt};
  std::optional<PromiseRecord> record;
  if (prepare.ballot > promised_) {
    promised_ = prepare.ballot;
    record = PromiseRecord{promised_};
  }
  // Paxos Made Simple, section 2.2, phase 1b: the highest-numbered proposal accepted, for every
  // slot at once (section 3). Above our own watermark, not the candidate's: below it we answer
  // "chosen", which is stronger.
  Promise promise{promised_, chosen_through, {}, {}, {}, lost_through_};
  promise.accepted.reserve(accepted_.size());
  for (const auto& [slot, value] : accepted_) {
    if (slot > chosen_through) promise.accepted.push_back(value);
  }
  for (const auto& [slot, bound] : unknown_) {
    if (slot > chosen_through && bound) promise.unknown.push_back({slot, bound});
  }
  return {std::move(promise), record};
}

std::optional<Acceptor::AcceptAnswer> Acceptor::OnAccept(const Accept& accept,
                                                         Slot chosen_through) {
  // P1a: accept unless a higher ballot was promised.
  if (accept.ballot < promised_) {
    return AcceptAnswer{Reject{accept.ballot, promised_}, std::nullopt};
  }
  if (accept.slot <= chosen_through || accept.slot - chosen_through > horizon_) {
    return std::nullopt;
  }
  promised_ = accept.ballot;
  const Accepted reply{accept.ballot, accept.slot};
  AcceptedValue& held = accepted_[accept.slot];
  if (held.ballot == accept.ballot) return AcceptAnswer{reply, std::nullopt};  // a repetition
  held = {accept.slot, accept.ballot, accept.value};
  unknown_.erase(accept.slot);  // no vote of this node was of a higher ballot than this one
  return AcceptAnswer{reply,
                      AcceptedRecord{accept.slot, accept.ballot, accept.value, chosen_through}};
}

void Acceptor::ForgetThrough(Slot chosen_through) {
  accepted_.erase(accepted_.begin(), accepted_.upper_bound(chosen_through));
  unknown_.erase(unknown_.begin(), unknown_.upper_bound(chosen_through));
}

const AcceptedValue* Acceptor::Find(Slot slot) const {
  const auto at = accepted_.find(slot);
  return at == accepted_.end() ? nullptr : &at->second;
}

}  // namespace synod::paxos
