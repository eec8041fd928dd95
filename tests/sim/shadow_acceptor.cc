#include "tests/sim/shadow_acceptor.h"

#include <algorithm>
#include <variant>

#include "tests/sim/say.h"

namespace synod::sim {
namespace {

// Everything through here is known to be chosen after the restart.
Slot ChosenPrefix(const paxos::RecoveredState& state) {
  Slot prefix = std::max(state.applied, state.vote_floor);
  for (const paxos::ChosenValue& chosen : state.chosen) {
    if (chosen.slot == prefix.next()) prefix = chosen.slot;
  }
  return prefix;
}

bool SaysLost(const paxos::RecoveredState& state, Slot slot, const paxos::Ballot& ballot) {
  if (state.lost_through && state.lost_through >= ballot) return true;
  return std::any_of(state.unknown.begin(), state.unknown.end(),
                     [&](const auto& vote) { return vote.slot == slot && vote.bound >= ballot; });
}

bool LeavesOut(const paxos::Promise& promise, Slot slot, const paxos::Ballot& ballot) {
  if (promise.lost_through && promise.lost_through >= ballot) return true;
  return std::any_of(promise.untold.begin(), promise.untold.end(), [&](const auto& votes) {
    return votes.first <= slot && slot <= votes.last && votes.bound >= ballot;
  });
}

}  // namespace

std::string ShadowAcceptor::Accept(Slot slot, const paxos::Ballot& ballot, uint64_t value) {
  if (ballot < promised_) {
    return Say("A1: accepted slot ", slot, " at ballot ", ballot, " below its promise ", promised_);
  }
  promised_ = ballot;
  votes_[slot] = {ballot, value, false};
  lost_.erase(slot);
  ever_accepted_.emplace(slot, ballot);
  return "";
}

std::string ShadowAcceptor::OnDurable(const paxos::Record& record) {
  if (const auto* promise = std::get_if<paxos::PromiseRecord>(&record.body)) {
    if (promise->ballot < promised_) {
      return Say("A1: promise fell from ", promised_, " to ", promise->ballot);
    }
    promised_ = promise->ballot;
  } else if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    return Accept(accepted->slot, accepted->ballot, HashOf(accepted->value));
  } else if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
    votes_[learned->slot] = {paxos::Ballot(), HashOf(learned->value), true};
    lost_.erase(learned->slot);
  } else if (std::holds_alternative<paxos::FoundedRecord>(record.body)) {
    if (wiped_) return "A5: a wiped log takes itself for one that may vote";
    founded_ = true;
  } else if (std::holds_alternative<paxos::RepairedRecord>(record.body)) {
    // Repaired: lost votes no longer matter.
    for (const Slot slot : lost_) votes_.erase(slot);
    lost_.clear();
  }
  return "";
}

std::string ShadowAcceptor::OnSend(const paxos::MessageBody& body) const {
  const auto* prepare = std::get_if<paxos::Prepare>(&body);
  const auto* promise = std::get_if<paxos::Promise>(&body);
  const auto* accepted = std::get_if<paxos::Accepted>(&body);
  if (!founded_ && (prepare != nullptr || promise != nullptr || accepted != nullptr)) {
    return "A5: a log that may not vote does";
  }
  if (prepare != nullptr && promised_ < prepare->ballot) {
    return Say("A2: Prepare ", prepare->ballot, " sent before its own promise is durable (",
               promised_, ")");
  }
  if (accepted != nullptr && !ever_accepted_.contains({accepted->slot, accepted->ballot})) {
    return Say("A2: Accepted for slot ", accepted->slot, " at ballot ", accepted->ballot,
               " sent before the vote is durable");
  }
  return promise != nullptr ? CheckPromise(*promise) : "";
}

std::string ShadowAcceptor::CheckPromise(const paxos::Promise& promise) const {
  if (promised_ < promise.ballot) {
    return Say("A2: Promise ", promise.ballot, " sent before it is durable (", promised_, ")");
  }
  for (auto it = votes_.upper_bound(promise.told_above); it != votes_.end(); ++it) {
    const auto& [slot, vote] = *it;
    if (vote.learned || vote.ballot >= promise.ballot) continue;
    const auto at = [slot = slot](const auto& told) { return told.slot == slot; };
    const auto told = std::find_if(promise.accepted.begin(), promise.accepted.end(), at);
    if (LeavesOut(promise, slot, vote.ballot)) continue;
    if (told == promise.accepted.end() || told->ballot != vote.ballot ||
        HashOf(told->value) != vote.value) {
      return Say("A3: Promise ", promise.ballot, " hides the vote at ", vote.ballot, " in slot ",
                 slot);
    }
  }
  return "";
}

std::string ShadowAcceptor::CheckRecoveredVote(Slot slot,
                                               const paxos::RecoveredState& state) const {
  const Vote& vote = votes_.at(slot);
  const auto at = [slot](const auto& recovered) { return recovered.slot == slot; };
  if (std::any_of(state.chosen.begin(), state.chosen.end(), at)) return "";
  const auto found = std::find_if(state.accepted.begin(), state.accepted.end(), at);
  const paxos::Ballot ballot = found == state.accepted.end() ? paxos::Ballot() : found->ballot;
  if (ballot >= vote.ballot && found != state.accepted.end()) return "";
  return Say("A4: restarted without its vote at ", vote.ballot, " in slot ", slot, ", with ",
             ballot, " and chosen through ", ChosenPrefix(state));
}

std::string ShadowAcceptor::OnRecovered(const paxos::RecoveredState& state) {
  if (state.promised < promised_) {
    return Say("A4: restarted with promise ", state.promised, " after ", promised_, " was durable");
  }
  if (founded_ && !state.founded) return "A4: restarted without the right to vote";
  if (wiped_ && state.founded) return "A5: a wiped log takes itself for one that may vote";
  founded_ = state.founded;
  votes_.erase(votes_.begin(), votes_.upper_bound(ChosenPrefix(state)));
  for (const auto& [slot, vote] : votes_) {
    if (SaysLost(state, slot, vote.ballot)) {
      lost_.insert(slot);
      continue;
    }
    if (std::string wrong = CheckRecoveredVote(slot, state); !wrong.empty()) return wrong;
  }
  for (const paxos::AcceptedValue& accepted : state.accepted) {
    const auto vote = votes_.find(accepted.slot);
    if (vote != votes_.end() && vote->second.ballot >= accepted.ballot) continue;
    // With the records that replaced it lost, an old vote may come to light again.
    if (ever_accepted_.contains({accepted.slot, accepted.ballot})) {
      votes_[accepted.slot] = {accepted.ballot, HashOf(accepted.value), false};
      continue;
    }
    std::string wrong = Accept(accepted.slot, accepted.ballot, HashOf(accepted.value));
    if (!wrong.empty()) return wrong;
  }
  promised_ = state.promised;
  return "";
}

void ShadowAcceptor::OnInstalled(Slot slot) {
  votes_.erase(votes_.begin(), votes_.upper_bound(slot));
  lost_.erase(lost_.begin(), lost_.upper_bound(slot));
}

void ShadowAcceptor::OnWiped() {
  *this = ShadowAcceptor();
  wiped_ = true;
}

}  // namespace synod::sim
