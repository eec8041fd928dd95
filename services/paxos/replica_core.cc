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

std::vector<NodeId> Others(const ReplicaOptions& options) {
  std::vector<NodeId> others = options.voters;
  std::erase(others, options.self);
  return others;
}

}  // namespace

Replica::Core::Core(ReplicaOptions options, RecoveredState recovered)
    : options_(std::move(options)),
      configuration_(Configuration::OfVoters(options_.voters)),
      acceptor_(recovered.promised, std::move(recovered.accepted),
                kHorizonWindows * options_.window),
      learner_(recovered.applied),
      catch_up_(Others(options_), 2 * options_.heartbeat_ticks),
      election_(&configuration_, options_.self, options_.election_ticks, acceptor_.promised(),
                Random(options_.seed)),
      outbox_(options_.group, options_.self),
      queue_(options_.max_pending_bytes),
      open_reads_(Random(options_.seed + 1).Next(), options_.max_pending_reads),
      life_(Random(options_.seed + 2).Next()),
      durable_applied_(recovered.applied) {
  SYNOD_CHECK(configuration_.Contains(options_.self)) << "node=" << options_.self;
  for (ChosenValue& chosen : recovered.chosen) {
    learner_.Choose(chosen.slot, std::move(chosen.value));
  }
  SYNOD_CHECK(learner_.chosen_through() == recovered.chosen_through)
      << "recovered values end at slot=" << learner_.chosen_through();
  acceptor_.ForgetThrough(learner_.chosen_through());
}

void Replica::Core::Step(Message message) {
  if (message.group != options_.group || message.to != options_.self) return;
  if (!configuration_.Contains(message.from) || message.from == options_.self) return;
  std::visit([&](auto& body) { On(message.from, body); }, message.body);
}

void Replica::Core::Tick() {
  ++now_;
  if (leads()) {
    TickLeader();
  } else if (election_.Tick()) {
    StepDown();
    StartProbe();
  }
  if (now_ % static_cast<uint64_t>(2 * options_.heartbeat_ticks) == 0) AskLeader();
  if (const auto peer = catch_up_.Due(learner_.chosen_through(), now_)) {
    outbox_.Send(*peer, LearnRequest{learner_.chosen_through().next()});
  }
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
  while (std::optional<MessageBody> body = outbox_.TakeDelivered()) {
    std::visit([&](auto& own) { On(options_.self, own); }, *body);
  }
}

void Replica::Core::Applied(Slot durable) {
  durable_applied_ = std::max(durable_applied_, durable);
  UpdateCut();
}

bool Replica::Core::HasReady() const {
  if (!outbox_.empty() || HasApplicable()) return true;
  if (!leads()) return election_.leader_ballot() && !queue_.empty();
  return MayProposeBatch() || MustAnnounce() || (serves() && leadership_->reads.Due());
}

Ready Replica::Core::TakeReady() {
  if (leads()) {
    ProposeAll();
    if (serves() && leadership_->reads.Due()) {
      leadership_->reads.Start(learner_.chosen_through());
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
  if (chosen_.empty()) return learner_.HasChosen();
  const auto logged = logged_by_.find(chosen_.front().slot);
  return logged == logged_by_.end() || outbox_.IsDurable(logged->second);
}

std::vector<ChosenValue> Replica::Core::TakeApplicable() {
  for (ChosenValue& chosen : learner_.TakeChosen()) chosen_.push_back(std::move(chosen));
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
  return status;
}

bool Replica::Core::serves() const {
  return leads() && learner_.chosen_through() >= leadership_->proposer.barrier();
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
  if (now_ % static_cast<uint64_t>(options_.heartbeat_ticks) == 0) {
    BroadcastHeartbeat(leadership_->reads.round());
  }
  const auto patience = static_cast<uint64_t>(std::max(2, options_.election_ticks / 2));
  for (Proposer::Resend& resend :
       leadership_->proposer.TakeOverdue(now_, patience, kResendLimit, learner_.chosen_through())) {
    // Its own vote comes when its log is done; repeating the request would not hurry it.
    if (resend.to != options_.self) outbox_.Send(resend.to, std::move(resend.accept));
  }
}

// True when slots that a promise called chosen are still missing here and nobody has taught them
// for a while: who knew them may be gone. The next phase 1 finds their values among the votes of
// those who are left.
bool Replica::Core::WaitsInVain() {
  const Slot watermark = learner_.chosen_through();
  if (watermark != leadership_->watermark) {
    leadership_->watermark = watermark;
    leadership_->watermark_moved_at = now_;
  }
  return watermark < leadership_->proposer.chosen_floor() &&
         now_ - leadership_->watermark_moved_at > static_cast<uint64_t>(options_.election_ticks);
}

int Replica::Core::TicksSinceQuorumContact() const {
  std::vector<uint64_t> heard;
  for (const NodeId voter : configuration_.voters()) {
    heard.push_back(voter == options_.self ? now_ : leadership_->heard_at.at(voter));
  }
  std::sort(heard.rbegin(), heard.rend());
  return static_cast<int>(now_ - heard[configuration_.quorum_size() - 1]);
}

void Replica::Core::UpdateCut() {
  if (!leads()) return;
  Slot lowest = durable_applied_;
  for (const NodeId voter : configuration_.voters()) {
    if (voter == options_.self) continue;
    const auto at = leadership_->durable_applied.find(voter);
    if (at == leadership_->durable_applied.end()) return;
    lowest = std::min(lowest, at->second);
  }
  cut_through_ = std::max(cut_through_, lowest);
}

bool Replica::Core::MayProposeBatch() const {
  const Proposer& proposer = leadership_->proposer;
  if (!proposer.CanPropose(learner_.chosen_through())) return false;
  if (proposer.MustRepropose()) return true;
  // At once when the log is idle; while it syncs, gather, unless a full batch has come together.
  return !queue_.empty() && (!outbox_.Syncing() || queue_.bytes() >= options_.max_batch_bytes);
}

bool Replica::Core::MustAnnounce() const {
  // With commands waiting, the next Accept will carry the watermark.
  return leadership_->announced < learner_.chosen_through() && queue_.empty();
}

void Replica::Core::ProposeAll() {
  Proposer& proposer = leadership_->proposer;
  while (MayProposeBatch()) {
    const Slot watermark = learner_.chosen_through();
    Broadcast(proposer.MustRepropose()
                  ? proposer.Repropose(watermark, now_)
                  : proposer.Propose(Value::OfCommands(queue_.Take(options_.max_batch_bytes)),
                                     watermark, now_));
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
                         cut_through_});
}

void Replica::Core::AskLeader() {
  const Ballot leader = election_.leader_ballot();
  if (leads() || !leader) return;
  for (const uint64_t wire_id : open_reads_.OpenIds()) {
    outbox_.Send(leader.node, ReadRequest{leader, wire_id});
  }
}

}  // namespace synod::paxos
