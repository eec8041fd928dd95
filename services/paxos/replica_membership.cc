// Who takes part and from what state: founding, configurations, hand-over, snapshots, repair.
#include <algorithm>
#include <utility>

#include "services/paxos/replica_core.h"

namespace synod::paxos {

// The history keeps pace with the watermark, ahead of what the driver applies.
void Replica::Core::TakeChosen() {
  bool changed = false;
  for (ChosenValue& chosen : learner_.TakeChosen()) {
    const size_t eras = history_.size();
    changed |= history_.Choose(chosen.slot, chosen.value, options_.window);
    changed |= history_.size() != eras;
    chosen_.push_back(std::move(chosen));
  }
  // The history says no more who governed the slots that it has left behind.
  if (leadership_) leadership_->proposer.ForgetThrough(learner_.chosen_through());
  if (changed) OnConfiguration();
}

void Replica::Core::OnConfiguration() {
  others_ = history_.Members();
  std::erase(others_, options_.self);
  catch_up_.SetPeers(others_);
  FoundIfDue();
  if (leadership_) leadership_->sealed = false;
  // Voters who have just come in must promise before they are asked to vote.
  if (leadership_) SendPrepare();
}

void Replica::Core::FoundIfDue() {
  if (const std::optional<FoundedRecord> record = founding_.TryFound(history_)) {
    outbox_.Persist(*record);
  }
}

void Replica::Core::GreetIfDue() {
  if (now_ % static_cast<uint64_t>(options_.heartbeat_ticks) != 0) return;
  for (const NodeId peer : founding_.ToGreet(history_)) {
    // "I know you" only when that is durable.
    outbox_.SendAfterSync(peer, founding_.Greet(peer, /*answer_wanted=*/true));
  }
}

void Replica::Core::On(NodeId from, const Greeting& greeting) {
  if (const std::optional<MetRecord> record = founding_.OnGreeting(from, greeting)) {
    outbox_.Persist(*record);
  }
  FoundIfDue();
  // "I know you" and "I am founded" only when that is durable.
  if (greeting.answer_wanted) {
    outbox_.SendAfterSync(from, founding_.Greet(from, /*answer_wanted=*/false));
  }
}

// Lost votes at ballots below a settled leader's matter only in slots that it knew to be chosen.
// Once this node knows those too, it may forget that it forgot.
void Replica::Core::RepairIfDue() {
  if (!acceptor_.lost_through()) return;
  const Slot watermark = learner_.chosen_through();
  const bool told = repair_through_ && watermark >= *repair_through_;
  // A leader needs nobody to tell it.
  const bool knows = leads() && leadership_->proposer.ballot() > acceptor_.lost_through() &&
                     leadership_->proposer.Settled(watermark);
  if (!told && !knows) return;
  acceptor_.Repaired();
  outbox_.Persist(RepairedRecord());
}

void Replica::Core::NameLogsIfDue() {
  if (!serves() || leadership_->named_logs) return;
  leadership_->named_logs = true;
  if (const std::optional<Configuration> named = founding_.Naming(history_)) {
    // Nobody waits for it, so that any number of this life will do.
    leadership_->naming = Value::OfCommands({{{options_.self, life_},
                                              ConfigurationChange{Slot(), *named}.Encode(),
                                              CommandKind::kConfiguration}});
  }
}

// Former members may go when a quorum of the new configuration would still know after a crash that
// everything before its first slot is chosen. Else those slots would be open again, and only the
// former members could close them.
void Replica::Core::SealIfDue() {
  const ConfigurationHistory::Era& latest = history_.latest();
  if (leadership_->sealed || !latest.chosen_at || !serves()) return;
  const Slot last_before(latest.governs_from.value() - 1);
  if (learner_.chosen_through() < last_before) return;
  Tally know;
  if (durable_chosen_ >= last_before) know.Add(options_.self);
  for (const auto& [node, peer] : leadership_->peers) {
    if (peer.durable_chosen >= last_before) know.Add(node);
  }
  leadership_->sealed = know.IsQuorum(*latest.configuration);
  // The records of one more slot carry how far each log knows the slots to be chosen.
  leadership_->wants_seal = !leadership_->sealed;
}

bool Replica::Core::HandOver(NodeId to) {
  if (!leads() || to == options_.self || !history_.IsVoterAbove(to, learner_.chosen_through())) {
    return false;
  }
  leadership_->handing_over_until = now_ + static_cast<uint64_t>(options_.election_ticks);
  leadership_->handed_to.insert(to);
  outbox_.Send(to, TakeOver{leadership_->proposer.ballot()});
  return true;
}

void Replica::Core::HandOverIfLeftOut() {
  const Configuration& latest = *history_.latest().configuration;
  if (latest.IsVoter(options_.self)) return;
  const auto patience = static_cast<uint64_t>(options_.election_ticks);
  const uint64_t until = leadership_->handing_over_until;
  // Between two attempts as long as one lasts, so that writes go on when nobody takes over.
  if (until != 0 && now_ < until + patience) return;
  // To the voter that is furthest; it will not have much to catch up. Each in turn: some may be
  // dead, others may not lead.
  const std::pair<const NodeId, Leadership::Peer>* furthest = nullptr;
  for (const auto& peer : leadership_->peers) {
    if (!latest.IsVoter(peer.first) || now_ - peer.second.heard_at > patience ||
        leadership_->handed_to.count(peer.first) != 0) {
      continue;
    }
    if (furthest == nullptr || peer.second.chosen_through > furthest->second.chosen_through) {
      furthest = &peer;
    }
  }
  if (furthest != nullptr) {
    HandOver(furthest->first);
  } else {
    leadership_->handed_to.clear();  // from the beginning, at the next tick
  }
}

void Replica::Core::On(NodeId from, const TakeOver& take_over) {
  // Only the present leader can ask, and only once a ballot: a late duplicate finds another leader.
  if (take_over.ballot != election_.leader_ballot() || take_over.ballot.node != from) return;
  if (MayLead()) StartPrepare();
}

void Replica::Core::AskToLearn() {
  if (fetching_) return;
  if (history_.empty()) {
    const auto period = static_cast<uint64_t>(2 * options_.heartbeat_ticks);
    if (contacts_.empty() || now_ % period != 0) return;
    outbox_.Send(contacts_[contacts_asked_++ % contacts_.size()], LearnRequest{Slot()});
    return;
  }
  if (const auto peer = catch_up_.Due(learner_.chosen_through(), now_)) {
    outbox_.Send(*peer, LearnRequest{learner_.chosen_through().next()});
  }
}

void Replica::Core::On(NodeId from, const SnapshotOffer& offer) {
  if (fetching_ || offer.slot <= learner_.chosen_through()) return;
  fetching_ = true;
  outbox_.AddSnapshotFetch({from, learner_.chosen_through().next()});
}

void Replica::Core::Installed(Slot slot, ConfigurationHistory configurations) {
  fetching_ = false;
  durable_applied_ = std::max(durable_applied_, slot);
  durable_chosen_ = std::max(durable_chosen_, slot);
  vote_floor_ = std::max(vote_floor_, slot);
  // What was not handed out yet is in the snapshot. More may be known by now, and wait for the log.
  while (!chosen_.empty() && chosen_.front().slot <= slot) chosen_.pop_front();
  logged_by_.erase(logged_by_.begin(), logged_by_.upper_bound(slot));
  if (slot <= learner_.chosen_through() && !history_.empty()) return;
  history_ = std::move(configurations);
  learner_.JumpTo(slot);
  TakeChosen();
  OnConfiguration();
  AfterWatermark();
}

std::vector<MemberProgress> Replica::Core::progress() const {
  std::vector<MemberProgress> members;
  if (!leads()) return members;
  for (const NodeId member : others_) {
    const auto peer = leadership_->peers.find(member);
    const bool heard = peer != leadership_->peers.end();
    const uint64_t since = heard ? peer->second.heard_at : leadership_->elected_at;
    members.push_back({member, heard ? peer->second.instance : 0,
                       heard ? peer->second.chosen_through : Slot(),
                       static_cast<int>(now_ - since)});
  }
  return members;
}

}  // namespace synod::paxos
