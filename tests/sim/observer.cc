#include "tests/sim/observer.h"

#include <algorithm>
#include <utility>

#include "tests/sim/say.h"

namespace synod::sim {

Observer::Observer(World& world, int nodes, int voters, uint64_t window)
    : world_(world), acceptors_(static_cast<size_t>(nodes)), window_(window) {
  Era& first = eras_.emplace_back();
  for (int i = 1; i <= voters; ++i) first.voters.emplace_back(i);
  first.members = first.voters;
}

void Observer::Fail(NodeId node, std::string what) {
  if (what.empty()) return;
  world_.verdict.Fail(Say("node ", node, ": ", what));
}

void Observer::OnProposed(const paxos::Command& command) {
  const auto [it, is_new] = proposed_.emplace(command.id, HashBytes(command.payload));
  if (!is_new && it->second != HashBytes(command.payload)) {
    Fail(command.id.origin, "O3: a command id names two commands");
  }
  if (command.kind == paxos::CommandKind::kConfiguration) open_changes_.insert(command.id);
}

void Observer::OnRecovered(NodeId node, const paxos::RecoveredState& state) {
  Fail(node, Acceptor(node).OnRecovered(state));
  for (const paxos::AcceptedValue& accepted : state.accepted) {
    Vote(node, accepted.slot, accepted.ballot, accepted.value);
  }
  for (const paxos::ChosenValue& chosen : state.chosen) {
    MustBeChosen(node, chosen.slot, chosen.value, "recovered");
  }
  if (state.applied < durable_[node]) {
    Fail(node, Say("A4: restarted with the state of slot ", state.applied, " after that of ",
                   durable_[node], " was durable"));
  }
  jumped_to_[node] = Slot();
  handed_out_[node] = state.applied;
  applied_[node] = state.applied;
}

void Observer::OnDurable(NodeId node, const std::vector<paxos::Record>& records) {
  for (const paxos::Record& record : records) {
    Fail(node, Acceptor(node).OnDurable(record));
    if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
      Vote(node, accepted->slot, accepted->ballot, accepted->value);
    } else if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
      MustBeChosen(node, learned->slot, learned->value, "learned");
    }
  }
}

void Observer::Vote(NodeId node, Slot slot, const paxos::Ballot& ballot,
                    const paxos::Value& value) {
  if (!ballot) return;  // learned, not voted for
  Ballots& ballots = votes_[{slot, ballot}];
  const uint64_t hash = HashOf(value);
  if (ballots.voters == 0) ballots.value = hash;
  if (ballots.value != hash) {
    Fail(node, Say("O6: two values accepted in slot ", slot, " at ballot ", ballot));
  }
  ballots.voters |= uint64_t{1} << node.value();
  if (slot > chosen_prefix_ + window_) {
    Fail(node, Say("O8: slot ", slot, " is voted on, but chosen only through ", chosen_prefix_));
    return;
  }
  const std::vector<NodeId>& voters = EraAt(slot).voters;
  const auto has = [&ballots](NodeId voter) { return (ballots.voters >> voter.value() & 1) != 0; };
  const auto votes = static_cast<size_t>(std::count_if(voters.begin(), voters.end(), has));
  if (votes >= voters.size() / 2 + 1) Choose(node, slot, value);
}

bool Observer::WasMember(NodeId node) const {
  return std::any_of(eras_.begin(), eras_.end(), [node](const Era& era) {
    return std::find(era.members.begin(), era.members.end(), node) != era.members.end();
  });
}

const Observer::Era& Observer::EraAt(Slot slot) const {
  const Era* era = &eras_.front();
  for (const Era& later : eras_) {
    if (later.governs_from <= slot) era = &later;
  }
  return *era;
}

void Observer::CountChange(const Era& before, const paxos::Configuration& next) {
  const auto was = [](const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
  };
  for (const paxos::ConfigMember& member : next.members()) {
    if (!was(before.members, member.id)) world_.coverage.Saw(Situation::kLearnerAdded);
    if (member.voter && !was(before.voters, member.id)) {
      world_.coverage.Saw(Situation::kLearnerPromoted);
    }
  }
}

// Follows the chosen slots as far as there is no gap.
void Observer::Advance() {
  for (auto at = chosen_.find(chosen_prefix_.next()); at != chosen_.end();
       at = chosen_.find(chosen_prefix_.next())) {
    const auto& [slot, value] = *at;
    chosen_prefix_ = slot;
    if (value.kind() != paxos::Value::Kind::kConfiguration) continue;
    const auto change = paxos::ConfigurationChange::Parse(value.configuration().payload);
    const Era& newest = eras_.back();
    if (!change.ok() || change->based_on != newest.chosen_at || slot < newest.governs_from) {
      world_.coverage.Saw(Situation::kChangeVoid);
      continue;
    }
    CountChange(newest, change->next);
    if (change->next.voters() != newest.voters) voters_since_ = slot + window_;
    Era next{slot, slot + window_, change->next.voters(), {}};
    for (const paxos::ConfigMember& member : change->next.members()) {
      next.members.push_back(member.id);
    }
    eras_.push_back(std::move(next));
  }
}

bool Observer::Settled() const {
  const Era& newest = eras_.back();
  if (!open_changes_.empty() || newest.governs_from > chosen_prefix_.next()) return false;
  const auto knows = [this](NodeId voter) {
    const auto durable = durable_.find(voter);
    return durable != durable_.end() && durable->second.next() >= voters_since_;
  };
  const auto known = std::count_if(newest.voters.begin(), newest.voters.end(), knows);
  return !voters_since_ || static_cast<size_t>(known) >= newest.voters.size() / 2 + 1;
}

void Observer::OnWiped(NodeId node) {
  Acceptor(node).OnWiped();
  durable_[node] = Slot();
}

void Observer::Choose(NodeId node, Slot slot, const paxos::Value& value) {
  const auto [it, is_first] = chosen_.emplace(slot, value);
  if (!is_first) {
    if (!(it->second == value)) Fail(node, Say("O1: slot ", slot, " has two chosen values"));
    return;
  }
  world_.Note(node, "chosen", {{"slot", slot.value()}, {"value", HashOf(value)}});
  Advance();
  for (const paxos::CommandView& command : CommandsOf(value)) {
    open_changes_.erase(command.id);
    const auto known = proposed_.find(command.id);
    if (known == proposed_.end() && NamesLogsOnly(value)) continue;
    if (known == proposed_.end() || known->second != HashBytes(command.payload)) {
      Fail(node, Say("O2: slot ", slot, " chose a command that nobody proposed"));
    }
    const auto [first, is_new] = chosen_in_.emplace(command.id, slot);
    if (!is_new) {
      Fail(node, Say("O3: command ", command.id.origin, "/", command.id.sequence,
                     " chosen in slots ", first->second, " and ", slot));
    }
  }
}

// The one command that replicas make themselves: the first configuration with everybody's log
// (founding.h). Nobody comes, goes or gets a vote by it.
bool Observer::NamesLogsOnly(const paxos::Value& value) const {
  if (value.kind() != paxos::Value::Kind::kConfiguration) return false;
  const auto change = paxos::ConfigurationChange::Parse(value.configuration().payload);
  return change.ok() && !change->based_on && change->next.voters() == eras_.front().voters &&
         change->next.members().size() == eras_.front().members.size();
}

void Observer::MustBeChosen(NodeId node, Slot slot, const paxos::Value& value,
                            absl::string_view where) {
  const auto found = chosen_.find(slot);
  if (found == chosen_.end()) {
    Fail(node, Say("O4: slot ", slot, " ", where, " before any value is chosen in it"));
  } else if (!(found->second == value)) {
    Fail(node, Say("O1: slot ", slot, " ", where, " with another value than the chosen one"));
  }
}

void Observer::MustBeChosenThrough(NodeId node, Slot slot, absl::string_view where) {
  if (slot > chosen_prefix_) {
    Fail(node,
         Say("O4: watermark ", slot, " in ", where, ", but chosen only through ", chosen_prefix_));
  }
}

void Observer::Own(NodeId node, uint64_t life, const paxos::Ballot& ballot) {
  const Owner owner{node, life};
  const auto [it, is_new] = owners_.emplace(ballot, owner);
  if (ballot.node != node || !(it->second == owner)) {
    Fail(node, Say("O6: ballot ", ballot, " belongs to life ", it->second.life, " of node ",
                   it->second.node, ", used by life ", life));
  }
}

void Observer::OnSend(const paxos::Message& message, uint64_t life) {
  const NodeId node = message.from;
  Fail(node, Acceptor(node).OnSend(message.body));
  if (const auto* prepare = std::get_if<paxos::Prepare>(&message.body)) {
    Own(node, life, prepare->ballot);
    MustBeChosenThrough(node, prepare->chosen_through, "Prepare");
  } else if (const auto* promise = std::get_if<paxos::Promise>(&message.body)) {
    MustBeChosenThrough(node, std::max(promise->chosen_through, promise->told_above), "Promise");
  } else if (const auto* accept = std::get_if<paxos::Accept>(&message.body)) {
    Own(node, life, accept->ballot);
    MustBeChosenThrough(node, accept->chosen_through, "Accept");
    const uint64_t hash = HashOf(accept->value);
    const auto [it, is_new] = offered_.emplace(std::pair(accept->slot, accept->ballot), hash);
    if (it->second != hash) {
      Fail(node, Say("O6: two values offered in slot ", accept->slot, " at ", accept->ballot));
    }
  } else if (const auto* heartbeat = std::get_if<paxos::Heartbeat>(&message.body)) {
    Own(node, life, heartbeat->ballot);
    MustBeChosenThrough(node, heartbeat->chosen_through, "Heartbeat");
  } else if (const auto* learned = std::get_if<paxos::Learned>(&message.body)) {
    for (const paxos::ChosenValue& chosen : learned->values) {
      MustBeChosen(node, chosen.slot, chosen.value, "taught");
    }
  }
}

void Observer::OnHandedOut(NodeId node, const paxos::ChosenValue& chosen) {
  // A replica that was told of a snapshot goes on behind it.
  const Slot to = jumped_to_[node];
  const bool jumps = handed_out_[node] < to && chosen.slot == to.next();
  if (chosen.slot != handed_out_[node].next() && !jumps) {
    Fail(node, Say("O5: slot ", chosen.slot, " handed out after ", handed_out_[node]));
  }
  handed_out_[node] = chosen.slot;
  MustBeChosen(node, chosen.slot, chosen.value, "handed out");
}

std::optional<Slot> Observer::MemberSince(NodeId node) const {
  for (const Era& era : eras_) {
    if (std::find(era.members.begin(), era.members.end(), node) != era.members.end()) {
      return era.chosen_at;
    }
  }
  return std::nullopt;
}

void Observer::OnInstalled(NodeId node, Slot slot) {
  if (slot < applied_[node]) {
    Fail(node, Say("O5: a snapshot of slot ", slot, " replaced the state of ", applied_[node]));
  }
  MustBeChosenThrough(node, slot, "a snapshot");
  Acceptor(node).OnInstalled(slot);
  applied_[node] = slot;
}

void Observer::OnApplied(NodeId node, Slot slot, uint64_t results_hash) {
  if (slot != applied_[node].next() || slot > handed_out_[node]) {
    Fail(node, Say("O5: slot ", slot, " applied after ", applied_[node]));
  }
  applied_[node] = slot;
  const auto [it, is_first] = results_.emplace(slot, results_hash);
  if (it->second != results_hash) {
    Fail(node, Say("O7: slot ", slot, " gave other results than on another replica"));
  }
}

void Observer::OnAcknowledged(NodeId node, const paxos::CommandId& command) {
  if (!chosen_in_.contains(command)) {
    Fail(node, Say("O4: command ", command.origin, "/", command.sequence,
                   " acknowledged before it is chosen"));
  }
}

void Observer::OnLeader(NodeId node, uint64_t life, const paxos::Ballot& ballot) {
  Own(node, life, ballot);
  ++elections_;
  world_.Note(node, "leader", {{"round", ballot.round}});
}

std::vector<paxos::Value> Observer::ChosenLog() const {
  std::vector<paxos::Value> log;
  for (Slot slot(1); slot <= chosen_prefix_; ++slot) log.push_back(chosen_.at(slot));
  return log;
}

}  // namespace synod::sim
