#include "tests/sim/shadow_acceptor.h"

#include <algorithm>
#include <variant>

#include "tests/sim/say.h"

namespace synod::sim {
std::string ShadowAcceptor::Accept(Slot slot, const paxos::Ballot& ballot, uint64_t value) {
  if (ballot < promised_) {
    return Say("A1: accepted slot ", slot, " at ballot ", ballot, " below its promise ", promised_);
  }
  promised_ = ballot;
  votes_[slot] = {ballot, value, false};
  ever_accepted_.emplace(slot, ballot);
  return "";
}

std::string ShadowAcceptor::OnDurable(const paxos::Record& record) {
  if (const auto* promise = std::get_if<paxos::PromiseRecord>(&record.body)) {
    if (promise->ballot < promised_) {
      return Say("A1: promise fell from ", promised_, " to ", promise->ballot);
    }
    promised_ = promise->ballot;
    return "";
  }
  if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    return Accept(accepted->slot, accepted->ballot, HashOf(accepted->value));
  }
  if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
    votes_[learned->slot] = {paxos::Ballot(), HashOf(learned->value), true};
  }
  return "";
}

std::string ShadowAcceptor::OnSend(const paxos::MessageBody& body) const {
  if (const auto* prepare = std::get_if<paxos::Prepare>(&body)) {
    if (promised_ < prepare->ballot) {
      return Say("A2: Prepare ", prepare->ballot, " sent before its own promise is durable (",
                 promised_, ")");
    }
  } else if (const auto* promise = std::get_if<paxos::Promise>(&body)) {
    return CheckPromise(*promise);
  } else if (const auto* accepted = std::get_if<paxos::Accepted>(&body)) {
    if (!ever_accepted_.contains({accepted->slot, accepted->ballot})) {
      return Say("A2: Accepted for slot ", accepted->slot, " at ballot ", accepted->ballot,
                 " sent before the vote is durable");
    }
  }
  return "";
}

std::string ShadowAcceptor::CheckPromise(const paxos::Promise& promise) const {
  if (promised_ < promise.ballot) {
    return Say("A2: Promise ", promise.ballot, " sent before it is durable (", promised_, ")");
  }
  for (auto it = votes_.upper_bound(promise.chosen_through); it != votes_.end(); ++it) {
    const auto& [slot, vote] = *it;
    if (vote.learned || vote.ballot >= promise.ballot) continue;
    const bool told =
        std::any_of(promise.accepted.begin(), promise.accepted.end(),
                    [slot = slot, &vote = vote](const paxos::AcceptedValue& accepted) {
                      return accepted.slot == slot && accepted.ballot == vote.ballot &&
                             HashOf(accepted.value) == vote.value;
                    });
    if (!told) {
      return Say("A3: Promise ", promise.ballot, " hides the vote at ", vote.ballot, " in slot ",
                 slot);
    }
  }
  return "";
}

namespace {

Slot ChosenPrefix(const paxos::RecoveredState& state) {
  Slot prefix = std::max(state.applied, state.vote_floor);
  for (const paxos::ChosenValue& chosen : state.chosen) {
    if (chosen.slot == prefix.next()) prefix = chosen.slot;
  }
  return prefix;
}

}  // namespace

std::string ShadowAcceptor::OnRecovered(const paxos::RecoveredState& state) {
  const Slot chosen_through = ChosenPrefix(state);
  if (state.promised < promised_) {
    return Say("A4: restarted with promise ", state.promised, " after ", promised_, " was durable");
  }
  std::map<Slot, const paxos::AcceptedValue*> recovered;
  for (const paxos::AcceptedValue& accepted : state.accepted) recovered[accepted.slot] = &accepted;
  for (auto it = votes_.upper_bound(chosen_through); it != votes_.end(); ++it) {
    const auto& [slot, vote] = *it;
    const auto found = recovered.find(slot);
    if (found == recovered.end() || found->second->ballot < vote.ballot) {
      return Say("A4: restarted without its vote at ", vote.ballot, " in slot ", slot, ", with ",
                 found == recovered.end() ? paxos::Ballot() : found->second->ballot,
                 " and chosen through ", chosen_through);
    }
  }
  for (const paxos::AcceptedValue& accepted : state.accepted) {
    const auto vote = votes_.find(accepted.slot);
    if (vote != votes_.end() && vote->second.ballot >= accepted.ballot) continue;
    std::string wrong = Accept(accepted.slot, accepted.ballot, HashOf(accepted.value));
    if (!wrong.empty()) return wrong;
  }
  promised_ = state.promised;
  return "";
}

}  // namespace synod::sim
