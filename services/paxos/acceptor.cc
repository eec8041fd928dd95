#include "services/paxos/acceptor.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {
namespace {

// So many that a promise stays small beside the values that it tells.
constexpr size_t kMaxRanges = 1024;

std::vector<UntoldVotes> RangesOf(const std::map<Slot, Ballot>& slots) {
  std::vector<UntoldVotes> ranges;
  for (const auto& [slot, bound] : slots) {
    if (!ranges.empty() && slot == ranges.back().last.next() && bound == ranges.back().bound) {
      ranges.back().last = slot;
    } else if (ranges.size() < kMaxRanges) {
      ranges.push_back({slot, slot, bound});
    } else {
      // To claim to know less than one does is always safe.
      ranges.back().last = slot;
      ranges.back().bound = std::max(ranges.back().bound, bound);
    }
  }
  return ranges;
}

}  // namespace

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

Acceptor::PrepareAnswer Acceptor::OnPrepare(const Prepare& prepare, Slot chosen_through,
                                            const std::map<Slot, Value>& known, size_t max_bytes) {
  if (prepare.ballot < promised_) return {Reject{prepare.ballot, promised_}, std::nullopt};
  std::optional<PromiseRecord> record;
  if (prepare.ballot > promised_) {
    promised_ = prepare.ballot;
    record = PromiseRecord{promised_};
  }
  const Slot told_above = std::max(chosen_through, prepare.chosen_through);
  Promise promise{promised_, chosen_through, {}, told_above, {}, lost_through_};
  Tell(known, max_bytes, promise);
  return {std::move(promise), record};
}

// Paxos Made Simple, section 2.2, phase 1b: the highest-numbered proposal accepted, for every slot
// at once (section 3).
void Acceptor::Tell(const std::map<Slot, Value>& known, size_t max_bytes, Promise& promise) const {
  const Slot above = promise.told_above;
  std::map<Slot, Ballot> untold;
  for (auto at = unknown_.upper_bound(above); at != unknown_.end(); ++at) {
    if (at->second) untold.insert(*at);
  }
  for (auto at = known.upper_bound(above); at != known.end(); ++at) {
    if (!accepted_.contains(at->first)) untold[at->first] = Ballot::Max();
  }
  size_t bytes = 0;
  for (auto at = accepted_.upper_bound(above); at != accepted_.end(); ++at) {
    const auto& [slot, vote] = *at;
    if (bytes < max_bytes || promise.accepted.empty()) {
      promise.accepted.push_back(vote);
      bytes += vote.value.bytes().size();
    } else {
      untold[slot] = std::max(untold[slot], vote.ballot);
    }
  }
  promise.untold = RangesOf(untold);
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

bool Acceptor::IsDoubtful(Slot slot) const {
  const AcceptedValue* vote = Find(slot);
  return unknown_.contains(slot) || vote == nullptr || vote->ballot < lost_through_;
}

const AcceptedValue* Acceptor::Find(Slot slot) const {
  const auto at = accepted_.find(slot);
  return at == accepted_.end() ? nullptr : &at->second;
}

}  // namespace synod::paxos
