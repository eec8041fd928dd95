// How a replica answers each kind of message. Messages of this node to itself come the same way,
// once the records they stand for are durable.
#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "services/paxos/replica_core.h"

namespace synod::paxos {
namespace {

// Lives of one peer process within one leadership; a peer does not restart this often in earnest.
constexpr size_t kMaxForwardLives = 1024;

}  // namespace

Replica::Core::Leadership* Replica::Core::At(const Ballot& ballot) {
  return leadership_ && leadership_->proposer.ballot() == ballot ? &*leadership_ : nullptr;
}

// Election.

bool Replica::Core::MayLead() const {
  // With its state lost it could not even say what is chosen; it waits for a snapshot.
  return votes() && vote_floor_ <= learner_.chosen_through() &&
         history_.IsVoterAbove(options_.self, learner_.chosen_through());
}

void Replica::Core::StartProbe() {
  const Probe probe = election_.StartProbe(learner_.chosen_through());
  SendToOthers(probe);
  On(options_.self, ProbeReply{probe.ballot, true, acceptor_.promised(), Slot()});
}

void Replica::Core::On(NodeId from, const Probe& probe) {
  catch_up_.Saw(from, probe.chosen_through);
  if (!votes()) return;
  outbox_.Send(from, ProbeReply{probe.ballot, !election_.HearsLeader(), acceptor_.promised(),
                                learner_.chosen_through()});
}

void Replica::Core::On(NodeId from, const ProbeReply& reply) {
  if (from != options_.self) catch_up_.Saw(from, reply.chosen_through);
  if (election_.OnProbeReply(from, reply, learner_.chosen_through())) StartPrepare();
}

void Replica::Core::StartPrepare() {
  const Prepare prepare{election_.StartPrepare(), learner_.chosen_through()};
  leadership_.emplace(&history_, prepare.ballot, options_);
  On(options_.self, prepare);
  SendPrepare();
}

void Replica::Core::SendPrepare() {
  const Prepare prepare{leadership_->proposer.ballot(), learner_.chosen_through()};
  for (const NodeId voter : leadership_->proposer.Unpromised(learner_.chosen_through())) {
    // Only behind the own promise: a restart must not find this ballot unused and use it again.
    if (voter != options_.self) outbox_.SendAfterSync(voter, prepare);
  }
}

void Replica::Core::On(NodeId from, const Prepare& prepare) {
  if (IsForged(from, prepare) || !votes()) return;
  // What it tells itself goes over no network.
  const size_t max_bytes =
      from == options_.self ? std::numeric_limits<size_t>::max() : options_.max_promise_bytes;
  Acceptor::PrepareAnswer answer =
      acceptor_.OnPrepare(prepare, floor(), learner_.waiting(), max_bytes);
  if (answer.record) {
    outbox_.Persist(*answer.record);
    if (from != options_.self) StepDown();
    election_.OnPromised(prepare.ballot);
  }
  if (auto* promise = std::get_if<Promise>(&answer.reply)) {
    outbox_.SendAfterSync(from, std::move(*promise));
  } else if (from != options_.self) {
    outbox_.Send(from, std::get<Reject>(answer.reply));
  }
}

void Replica::Core::On(NodeId from, const Promise& promise) {
  if (from != options_.self) catch_up_.Saw(from, promise.chosen_through);
  Leadership* leadership = At(promise.ballot);
  if (leadership == nullptr) return;
  if (leadership->proposer.OnPromise(from, promise, learner_.chosen_through())) OnElected();
}

void Replica::Core::OnElected() {
  election_.OnElected(leadership_->proposer.ballot());
  leadership_->elected_at = now_;
  leadership_->watermark_moved_at = now_;
  BroadcastHeartbeat(leadership_->reads.round());
  for (const uint64_t wire_id : open_reads_.OpenIds()) {
    leadership_->reads.Add({options_.self, wire_id});
  }
}

void Replica::Core::On(NodeId /*from*/, const Reject& reject) {
  election_.Saw(reject.promised);
  if (At(reject.ballot) != nullptr) StepDown();
}

void Replica::Core::StepDown() {
  election_.StepDown(leads() ? TicksSinceQuorumContact() : election_.silent_ticks());
  if (!leadership_) return;
  leadership_.reset();
  // What others forwarded was addressed to this leadership; they have learnt, or will, that it is
  // over. What this node's own clients asked for has not been proposed and may still be.
  queue_.KeepOnlyFrom(options_.self);
}

// Phase 2 and learning.

void Replica::Core::On(NodeId from, const Accept& accept) {
  if (IsForged(from, accept)) return;
  // Chosen, and waiting above a gap: what the log holds there must stay that value. Silence is
  // safe; a vote for the same value may be needed to choose it again.
  const auto known = learner_.waiting().find(accept.slot);
  if (known != learner_.waiting().end() && !(known->second == accept.value)) return;
  std::optional<Acceptor::AcceptAnswer> answer = acceptor_.OnAccept(accept, floor());
  if (answer && answer->record) {
    const Slot hint = answer->record->chosen_through;
    Log(accept.slot, hint, std::move(*answer->record));
  }
  if (answer && std::holds_alternative<Reject>(answer->reply)) {
    if (from != options_.self) outbox_.Send(from, std::get<Reject>(answer->reply));
    return;
  }
  // A learner logs what it is sent; its vote would not be counted, nor may it be given.
  if (answer && votes()) outbox_.SendAfterSync(from, std::get<Accepted>(answer->reply));
  if (from != options_.self && accept.ballot >= acceptor_.promised()) {
    FollowLeader(accept.ballot, accept.chosen_through);
  }
}

void Replica::Core::On(NodeId from, const Accepted& accepted) {
  Leadership* leadership = At(accepted.ballot);
  if (leadership == nullptr || !leads()) return;
  Heard(from);
  if (auto chosen = leadership->proposer.OnAccepted(from, accepted.slot)) {
    learner_.Choose(chosen->slot, std::move(chosen->value));
    AfterWatermark();
  }
}

void Replica::Core::On(NodeId from, const Heartbeat& heartbeat) {
  if (IsForged(from, heartbeat)) return;
  if (heartbeat.ballot < acceptor_.promised()) {
    outbox_.Send(from, Reject{heartbeat.ballot, acceptor_.promised()});
    return;
  }
  FollowLeader(heartbeat.ballot, heartbeat.chosen_through);
  cut_through_ = std::max(cut_through_, std::min(heartbeat.cut_through, durable_applied_));
  if (heartbeat.serves && heartbeat.ballot > acceptor_.lost_through() && !repair_through_) {
    repair_through_ = heartbeat.chosen_through;
  }
  RepairIfDue();
  sealed_ = std::max(sealed_, heartbeat.sealed);
  if (heartbeat.read_round == 0) return;
  // Round 0 confirms nothing: a log that may not vote has perhaps forgotten a newer leader.
  const uint64_t confirmed = votes() ? heartbeat.read_round : 0;
  outbox_.Send(
      from, HeartbeatReply{heartbeat.ballot, confirmed, learner_.chosen_through(), durable_applied_,
                           founding_.instance(), durable_chosen_, acceptor_.lost_through()});
}

void Replica::Core::FollowLeader(const Ballot& ballot, Slot watermark) {
  const bool is_new = election_.leader_ballot() != ballot;
  if (is_new) StepDown();
  election_.OnLeader(ballot);
  catch_up_.Saw(ballot.node, watermark);
  learner_.OnWatermark(watermark, ballot, acceptor_);
  AfterWatermark();
  if (is_new) AskLeader();
}

void Replica::Core::AfterWatermark() {
  TakeChosen();
  acceptor_.ForgetThrough(learner_.chosen_through());
  NameLogsIfDue();
  RepairIfDue();
  AskToLearn();
}

Replica::Core::Leadership::Peer& Replica::Core::Heard(NodeId peer) {
  Leadership::Peer& heard = leadership_->peers[peer];
  heard.heard_at = now_;
  return heard;
}

void Replica::Core::On(NodeId from, const HeartbeatReply& reply) {
  catch_up_.Saw(from, reply.chosen_through);
  Leadership* leadership = At(reply.ballot);
  if (leadership == nullptr || !leads()) return;
  Leadership::Peer& peer = Heard(from);
  peer.instance = reply.instance;
  peer.durable_chosen = std::max(peer.durable_chosen, reply.durable_chosen);
  peer.chosen_through = reply.chosen_through;
  peer.durable_applied = std::max(peer.durable_applied.value_or(Slot()), reply.durable_applied);
  UpdateCut();
  ConfirmRead(from, reply.read_round);
  peer.said_it_is_whole = !reply.lost_through;
  if (reply.lost_through >= reply.ballot) RiseAbove();
}

// A member has lost votes of this very ballot. They count as lost until a settled leader of a
// higher ballot is heard; it could as well be this one, or else a cluster in which every member was
// damaged once under one leader would be left without a promise that is whole. Not before a quorum
// of whole promises is in reach: a ballot without one would serve nobody.
void Replica::Core::RiseAbove() {
  const Slot watermark = learner_.chosen_through();
  if (!leadership_->proposer.Settled(watermark) || !MayLead()) return;
  RepairIfDue();
  Tally whole;
  if (!acceptor_.lost_through()) whole.Add(options_.self);
  for (const auto& [node, peer] : leadership_->peers) {
    const bool heard = now_ - peer.heard_at <= static_cast<uint64_t>(options_.election_ticks);
    if (heard && peer.said_it_is_whole) whole.Add(node);
  }
  if (!history_.IsQuorumOfAll(whole, watermark)) return;
  StepDown();
  StartPrepare();
}

void Replica::Core::On(NodeId from, const LearnRequest& request) {
  if (request.first_slot > learner_.chosen_through()) return;
  outbox_.AddLearnReply({from, request.first_slot, learner_.chosen_through()});
}

void Replica::Core::On(NodeId from, const Learned& learned) {
  catch_up_.Saw(from, learned.chosen_through);
  const Slot before = learner_.chosen_through();
  for (const ChosenValue& chosen : learned.values) {
    if (chosen.slot <= learner_.chosen_through()) continue;
    // Only in order: a gap would have to be remembered, and its end will be asked for anyway.
    if (chosen.slot != learner_.chosen_through().next()) break;
    const AcceptedValue* accepted = acceptor_.Find(chosen.slot);
    if (accepted == nullptr || !(accepted->value == chosen.value) ||
        acceptor_.IsDoubtful(chosen.slot)) {
      Log(chosen.slot, chosen.slot, LearnedRecord{chosen.slot, chosen.value});
    }
    learner_.Choose(chosen.slot, chosen.value);
  }
  // An answer that helps nothing must not be followed by another question at once.
  if (learner_.chosen_through() > before) catch_up_.Answered();
  AfterWatermark();
}

// Reads and forwarded commands.

void Replica::Core::On(NodeId from, const ReadRequest& request) {
  if (leads()) leadership_->reads.Add({from, request.read_id});
}

void Replica::Core::On(NodeId /*from*/, const ReadReply& reply) {
  if (const auto read_id = open_reads_.Close(reply.read_id)) {
    outbox_.AddRead({*read_id, reply.slot});
  }
}

void Replica::Core::ConfirmRead(NodeId voter, uint64_t round) {
  const auto confirmed = leadership_->reads.OnAnswer(voter, round);
  if (!confirmed) return;
  for (const ReadRounds::Reader& reader : confirmed->readers) {
    const ReadReply reply{reader.read_id, confirmed->slot};
    if (reader.node == options_.self) {
      On(options_.self, reply);
    } else {
      outbox_.Send(reader.node, reply);
    }
  }
}

void Replica::Core::On(NodeId from, Forward& forward) {
  Leadership* leadership = At(forward.ballot);
  if (leadership == nullptr || !leads()) return;
  if (leadership->forwards.size() >= kMaxForwardLives) {
    // A new ballot voids every forward under way, and the table with them.
    StepDown();
    return;
  }
  uint64_t& last_number = leadership->forwards[{from, forward.life}];
  if (forward.number <= last_number) return;
  last_number = forward.number;
  for (Command& command : forward.commands) {
    // Beyond the bound it is lost, as any message may be; its origin's client sees a timeout.
    if (!queue_.Push(std::move(command))) return;
  }
}

}  // namespace synod::paxos
