#include "services/paxos/replica_core.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/check.h"

namespace synod::paxos {
namespace {

// A node may vote for the whole window of a leader whose watermark is one window ahead of its own.
constexpr uint64_t kHorizonWindows = 4;
// Accepts repeated per tick, so that a silent follower costs little.
constexpr size_t kResendLimit = 16;

}  // namespace

Replica::Core::Core(ReplicaOptions options, RecoveredState recovered)
    : options_(std::move(options)),
      history_(std::move(recovered.configurations)),
      contacts_(std::move(recovered.contacts)),
      founding_(options_.self, recovered.instance, recovered.founded,
                std::move(recovered.instances)),
      acceptor_(recovered.promised, std::move(recovered.accepted),
                kHorizonWindows * options_.window),
      vote_floor_(recovered.vote_floor),
      learner_(recovered.applied),
      catch_up_(2 * options_.heartbeat_ticks),
      election_(&history_, options_.self, options_.election_ticks, acceptor_.promised(),
                Random(options_.seed)),
      outbox_(options_.group, options_.self),
      queue_(options_.max_pending_bytes),
      open_reads_(Random(options_.seed + 1).Next(), options_.max_pending_reads),
      life_(Random(options_.seed + 2).Next()),
      durable_applied_(recovered.applied) {
  acceptor_.Forgot(std::move(recovered.unknown), recovered.lost_through);
  for (ChosenValue& chosen : recovered.chosen) {
    learner_.Choose(chosen.slot, std::move(chosen.value));
  }
  if (history_.empty()) return;
  TakeChosen();
  OnConfiguration();
  acceptor_.ForgetThrough(floor());
  durable_chosen_ = learner_.chosen_through();
}

void Replica::Core::Step(Message message) {
  if (message.group != options_.group || message.to != options_.self) return;
  if (message.from == options_.self) return;
  // Without a configuration nothing but a snapshot makes sense.
  if (history_.empty() && !std::holds_alternative<SnapshotOffer>(message.body)) return;
  std::visit([&](auto& body) { On(message.from, body); }, message.body);
}

void Replica::Core::Tick() {
  ++now_;
  if (history_.empty()) {
    AskToLearn();
    return;
  }
  if (leads()) {
    TickLeader();
  } else if (election_.Tick()) {
    // Whoever may not lead itself stops believing in a silent leader all the same.
    StepDown();
    if (MayLead()) StartProbe();
  }
  GreetIfDue();
  if (now_ % static_cast<uint64_t>(2 * options_.heartbeat_ticks) == 0) AskLeader();
  AskToLearn();
}

Admission Replica::Core::Propose(Command command) {
  if (!leads() && !election_.leader_ballot()) return Admission::kNoLeader;
  return queue_.Push(std::move(command)) ? Admission::kAdmitted : Admission::kOverloaded;
}

Admission Replica::Core::Read(uint64_t read_id) {
  const Ballot leader = election_.leader_ballot();
  if (!leads() && !leader) return Admission::kNoLeader;
  const std::optional<uint64_t> wire_id = open_reads_.Open(read_id);
  if (!wire_id) return Admission::kOverloaded;
  if (!leads()) {
    outbox_.Send(leader.node, ReadRequest{leader, *wire_id});
    return Admission::kAdmitted;
  }
  if (leadership_->reads.Add({options_.self, *wire_id})) return Admission::kAdmitted;
  open_reads_.Close(*wire_id);
  return Admission::kOverloaded;
}

void Replica::Core::Persisted(PersistToken token) {
  outbox_.OnPersisted(token);
  while (!hints_.empty() && outbox_.IsDurable(hints_.front().first)) {
    durable_chosen_ = std::max(durable_chosen_, hints_.front().second);
    hints_.pop_front();
  }
  while (std::optional<MessageBody> body = outbox_.TakeDelivered()) {
    std::visit([&](auto& own) { On(options_.self, own); }, *body);
  }
}

void Replica::Core::Applied(Slot durable) {
  durable_applied_ = std::max(durable_applied_, durable);
  durable_chosen_ = std::max(durable_chosen_, durable);
  UpdateCut();
}

bool Replica::Core::HasReady() const {
  if (!outbox_.empty() || HasApplicable()) return true;
  if (!leads()) return election_.leader_ballot() && !queue_.empty();
  return MayProposeBatch() || MustAnnounce() || MustReadRound();
}

Ready Replica::Core::TakeReady() {
  if (leads()) {
    ProposeAll();
    if (MustReadRound()) {
      leadership_->reads.Start(learner_.chosen_through(),
                               history_.BeginAbove(learner_.chosen_through())->configuration);
      BroadcastHeartbeat(leadership_->reads.round());
      ConfirmRead(options_.self, leadership_->reads.round());
    } else if (MustAnnounce()) {
      BroadcastHeartbeat(0);
    }
  } else if (election_.leader_ballot()) {
    ForwardAll();
  }
  Ready ready = outbox_.Take(now_);
  ready.chosen = TakeApplicable();
  return ready;
}

bool Replica::Core::HasApplicable() const {
  if (chosen_.empty()) return false;
  const auto logged = logged_by_.find(chosen_.front().slot);
  return logged == logged_by_.end() || outbox_.IsDurable(logged->second);
}

std::vector<ChosenValue> Replica::Core::TakeApplicable() {
  std::vector<ChosenValue> applicable;
  while (!chosen_.empty()) {
    // What is not in the map was in the log when the process started.
    const auto logged = logged_by_.find(chosen_.front().slot);
    if (logged != logged_by_.end()) {
      if (!outbox_.IsDurable(logged->second)) break;
      logged_by_.erase(logged);
    }
    applicable.push_back(std::move(chosen_.front()));
    chosen_.pop_front();
  }
  return applicable;
}

ReplicaStatus Replica::Core::status() const {
  ReplicaStatus status;
  status.role = election_.role();
  status.promised = acceptor_.promised();
  status.leader_ballot = election_.leader_ballot();
  status.leader = status.leader_ballot.node;
  status.leader_serves = serves();
  status.chosen_through = learner_.chosen_through();
  status.ticks_since_quorum_contact =
      leads() ? TicksSinceQuorumContact() : election_.silent_ticks();
  status.founded = founding_.founded();
  status.impostor = founding_.impostor();
  if (history_.empty()) return status;
  status.configuration_slot = history_.latest().chosen_at;
  status.configuration = history_.latest().configuration;
  status.sealed = leads() && leadership_->sealed ? history_.latest().chosen_at : sealed_;
  // Of a later configuration this node does not know yet whether it is in there.
  status.removed = status.sealed && status.sealed == status.configuration_slot &&
                   !status.configuration->Contains(options_.self);
  return status;
}

bool Replica::Core::serves() const {
  return leads() && learner_.chosen_through() >= leadership_->proposer.barrier();
}

// A configuration that this ballot has just met may have acknowledged more than this node knows.
bool Replica::Core::MustReadRound() const {
  return leadership_->reads.Due() && leadership_->proposer.Settled(learner_.chosen_through());
}

void Replica::Core::TickLeader() {
  const bool lost_quorum = TicksSinceQuorumContact() > options_.election_ticks;
  const std::optional<uint64_t> syncing_since = outbox_.SyncingSince();
  const bool stalled =
      syncing_since && now_ - *syncing_since > static_cast<uint64_t>(options_.log_stall_ticks);
  if (lost_quorum || stalled || WaitsInVain()) {
    StepDown();
    return;
  }
  HandOverIfLeftOut();
  if (now_ % static_cast<uint64_t>(options_.heartbeat_ticks) == 0) {
    SealIfDue();
    BroadcastHeartbeat(leadership_->reads.round());
  }
  const auto patience = static_cast<uint64_t>(std::max(2, options_.election_ticks / 2));
  if (now_ % patience == 0) SendPrepare();
  for (Proposer::Resend& resend :
       leadership_->proposer.TakeOverdue(now_, patience, kResendLimit, learner_.chosen_through())) {
    // Its own vote comes when its log is done; repeating the request would not hurry it.
    if (resend.to != options_.self) outbox_.Send(resend.to, std::move(resend.accept));
  }
}

// True when this leader has got nowhere for a while and somebody else might: slots that a promise
// called chosen are missing here and nobody has taught them (who knew them may be gone; the next
// phase 1 finds their values among the votes of those who are left), or too many votes in the next
// slot are unknown to those who answer this node.
bool Replica::Core::WaitsInVain() {
  const Slot watermark = learner_.chosen_through();
  if (watermark != leadership_->watermark) {
    leadership_->watermark = watermark;
    leadership_->watermark_moved_at = now_;
  }
  if (now_ - leadership_->watermark_moved_at <= static_cast<uint64_t>(options_.election_ticks)) {
    return false;
  }
  const Proposer& proposer = leadership_->proposer;
  return watermark < proposer.chosen_floor() ||
         (proposer.next_slot() == watermark.next() && !proposer.Informed());
}

int Replica::Core::TicksSinceQuorumContact() const {
  uint64_t longest = 0;
  for (auto era = history_.BeginAbove(learner_.chosen_through()); era != history_.end(); ++era) {
    std::vector<uint64_t> heard;
    for (const NodeId voter : era->configuration->voters()) {
      const auto peer = leadership_->peers.find(voter);
      heard.push_back(voter == options_.self             ? now_
                      : peer == leadership_->peers.end() ? leadership_->elected_at
                                                         : peer->second.heard_at);
    }
    std::sort(heard.rbegin(), heard.rend());
    longest = std::max(longest, now_ - heard[era->configuration->quorum_size() - 1]);
  }
  return static_cast<int>(longest);
}

void Replica::Core::UpdateCut() {
  if (!leads()) return;
  Slot lowest = durable_applied_;
  for (const NodeId member : history_.MembersAbove(learner_.chosen_through())) {
    if (member == options_.self) continue;
    const auto peer = leadership_->peers.find(member);
    if (peer == leadership_->peers.end() || !peer->second.durable_applied) return;
    lowest = std::min(lowest, *peer->second.durable_applied);
  }
  cut_through_ = std::max(cut_through_, lowest);
}

bool Replica::Core::MayProposeBatch() const {
  const Proposer& proposer = leadership_->proposer;
  if (!proposer.CanPropose(learner_.chosen_through())) return false;
  if (proposer.MustRepropose() || leadership_->naming || MustFillWindow()) return true;
  if (queue_.empty() || now_ < leadership_->handing_over_until) return false;
  if (queue_.next_kind() == CommandKind::kConfiguration && !MayChangeConfiguration()) return false;
  // At once when the log is idle; while it syncs, gather, unless a full batch has come together.
  return !outbox_.Syncing() || queue_.bytes() >= options_.max_batch_bytes;
}

// A configuration is chosen and not in force or not sealed, and nobody has anything better to
// propose: the next change waits for it (Paxos Made Simple, section 3, on filling with no-ops).
bool Replica::Core::MustFillWindow() const {
  if (!queue_.empty() && queue_.next_kind() != CommandKind::kConfiguration) return false;
  return leadership_->wants_seal ||
         leadership_->proposer.next_slot() < history_.latest().governs_from;
}

// After another change logs could not be named any more, and who missed the birth would never vote.
bool Replica::Core::MayChangeConfiguration() const {
  return history_.latest().chosen_at ? leadership_->sealed : !founding_.Naming(history_);
}

bool Replica::Core::MustAnnounce() const {
  // With commands waiting, the next Accept will carry the watermark.
  return leadership_->announced < learner_.chosen_through() && queue_.empty();
}

void Replica::Core::ProposeAll() {
  Proposer& proposer = leadership_->proposer;
  while (MayProposeBatch()) {
    const Slot watermark = learner_.chosen_through();
    if (proposer.MustRepropose()) {
      Broadcast(proposer.Repropose(watermark, now_));
    } else if (leadership_->naming) {
      Broadcast(proposer.Propose(*std::exchange(leadership_->naming, {}), watermark, now_));
    } else {
      Value value =
          MustFillWindow() ? Value() : Value::OfCommands(queue_.Take(options_.max_batch_bytes));
      leadership_->wants_seal = false;
      Broadcast(proposer.Propose(std::move(value), watermark, now_));
    }
    leadership_->announced = watermark;
  }
}

void Replica::Core::ForwardAll() {
  const Ballot leader = election_.leader_ballot();
  while (!queue_.empty()) {
    outbox_.Send(leader.node,
                 Forward{leader, life_, ++forward_number_, queue_.Take(options_.max_batch_bytes)});
  }
}

void Replica::Core::Broadcast(const Accept& accept) {
  SendToOthers(accept);
  On(options_.self, accept);
}

void Replica::Core::BroadcastHeartbeat(uint64_t read_round) {
  leadership_->announced = learner_.chosen_through();
  SendToOthers(Heartbeat{leadership_->proposer.ballot(), learner_.chosen_through(), read_round,
                         cut_through_, leadership_->proposer.Settled(learner_.chosen_through()),
                         leadership_->sealed ? history_.latest().chosen_at : Slot()});
}

void Replica::Core::AskLeader() {
  const Ballot leader = election_.leader_ballot();
  if (leads() || !leader) return;
  for (const uint64_t wire_id : open_reads_.OpenIds()) {
    outbox_.Send(leader.node, ReadRequest{leader, wire_id});
  }
}

}  // namespace synod::paxos
