#include "services/node/replica_thread.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "services/node/identity.h"
#include "services/node/log_budget.h"

namespace synod::node {
namespace {

// How often `leader_patience` may pass before the question what survived a leader is given up.
constexpr int kBarrierPatience = 3;

size_t SizeOf(const paxos::Command& command) {
  return sizeof command + command.payload.size();
}

const char* RoleName(paxos::Role role) {
  switch (role) {
    case paxos::Role::kFollower:
      return "follower";
    case paxos::Role::kProbing:
      return "probing";
    case paxos::Role::kPreparing:
      return "preparing";
    case paxos::Role::kLeader:
      return "leader";
  }
  return "unknown";
}

}  // namespace

ReplicaThread::ReplicaThread(Options options, paxos::ReplicaOptions replica,
                             paxos::RecoveredState recovered, Shared shared, Outlets outlets)
    : options_(options),
      shared_(shared),
      outlets_(std::move(outlets)),
      cut_through_(recovered.vote_floor),
      replica_(std::move(replica), std::move(recovered)),
      last_tick_(shared.clock->Monotonic()),
      leaderless_since_(last_tick_),
      thread_([this] { Run(); }) {}

void ReplicaThread::Run() {
  ReplicaInputs inputs;
  do {
    Feed(inputs);
    const absl::Duration now = shared_.clock->Monotonic();
    Tick(now);
    ProposeWaiting();
    StartReads();
    Dispatch();
    Observe(now);
  } while (
      shared_.inbox->Take(inputs, last_tick_ + options_.ticks.tick() - shared_.clock->Monotonic()));
}

void ReplicaThread::Feed(ReplicaInputs& inputs) {
  if (inputs.empty()) return;
  // What others have done for us first: it makes room and moves the watermark.
  if (inputs.persisted != 0) replica_.Persisted(inputs.persisted);
  if (inputs.durable_applied) {
    durable_applied_ = inputs.durable_applied;
    replica_.Applied(durable_applied_, durable_applied_);
  }
  if (inputs.fetch_end) {
    if (inputs.fetch_end->installed) {
      replica_.Installed(inputs.fetch_end->installed, std::move(inputs.fetch_end->configurations));
    } else {
      replica_.FetchFailed();
    }
  }
  const size_t backlog = outlets_.backlog_bytes();
  size_t dropped = 0;
  for (paxos::Message& message : inputs.messages) {
    if (backlog > BacklogLimit(message)) {
      ++dropped;
    } else {
      replica_.Step(std::move(message));
    }
  }
  if (dropped > 0) shared_.inbox->CountDropped(dropped);
  NoticeLeader();
  if (inputs.hand_over_to) replica_.HandOver(inputs.hand_over_to);
  for (paxos::Command& command : inputs.commands) {
    if (backlog <= options_.refuse_commands_above) {
      Propose(std::move(command));
    } else {
      Fail(command.id.sequence, rpc::Failure::kOverloaded);
    }
  }
}

// Only what adds work is ever dropped: without heartbeats and votes overload would become an
// outage.
size_t ReplicaThread::BacklogLimit(const paxos::Message& message) const {
  if (std::holds_alternative<paxos::Forward>(message.body)) return options_.refuse_commands_above;
  if (std::holds_alternative<paxos::Accept>(message.body) ||
      std::holds_alternative<paxos::Learned>(message.body)) {
    return options_.drop_messages_above;
  }
  return std::numeric_limits<size_t>::max();
}

void ReplicaThread::NoticeLeader() {
  const paxos::Ballot leader = replica_.status().leader_ballot;
  has_leader_ = static_cast<bool>(leader);
  if (!leader || leader == handing_to_) return;
  handing_to_ = leader;
  handed_to_older_ = last_handed_over_;
}

void ReplicaThread::Tick(absl::Duration now) {
  const int due = options_.ticks.TakeDue(now, last_tick_);
  for (int i = 0; i < due; ++i) replica_.Tick();
  ticked_ = due > 0;
  if (!ticked_) return;
  NoticeLeader();

  PendingTable::Finished proposals;
  shared_.pending->Expire(now, proposals);
  shared_.replies->Post(proposals);
  ReadBatcher::Finished reads;
  shared_.reads->Expire(now, reads);
  RunAll(reads);
}

void ReplicaThread::Dispatch() {
  while (replica_.HasReady()) {
    paxos::Ready ready = replica_.TakeReady();
    if (!ready.messages.empty()) outlets_.send(std::move(ready.messages));
    if (!ready.records.empty() || !ready.messages_after_sync.empty() ||
        !ready.learn_replies.empty()) {
      outlets_.persist(ready);
    }
    if (!ready.chosen.empty()) outlets_.apply(std::move(ready.chosen));
    if (ready.snapshot_fetch) outlets_.fetch(*ready.snapshot_fetch);
    ReadBatcher::Finished finished;
    for (const paxos::SafeRead& read : ready.reads) {
      shared_.reads->Confirmed(read.read_id, read.slot, finished);
    }
    RunAll(finished);
    // Reads that arrived during the round that just ended.
    if (!ready.reads.empty()) StartReads();
  }
}

void ReplicaThread::Observe(absl::Duration now) {
  const paxos::ReplicaStatus status = replica_.status();
  const absl::Duration contact_age = status.ticks_since_quorum_contact * options_.ticks.tick();
  if (ticked_ || status.leader_ballot != seen_.leader_ballot ||
      status.leader_serves != seen_.leader_serves ||
      status.chosen_through != seen_.chosen_through) {
    shared_.board->Publish(status, now - contact_age);
  }
  if (ticked_) shared_.board->PublishProgress(replica_.progress());
  if (status.role != seen_.role) {
    shared_.log->Info("role changed")
        .With("role", RoleName(status.role))
        .With("was", RoleName(seen_.role))
        .With("ballot", status.promised)
        .With("slot", status.chosen_through);
  }
  if (status.leader_ballot != seen_.leader_ballot) {
    if (status.leader_ballot) {
      OnNewLeader(status, now);
    } else {
      leaderless_since_ = now;
    }
  }
  if (!status.leader_ballot) GiveUpWithoutLeader(now);

  CutLog(status);
  NoticeEnd(status);
  if (ticked_) UpdateGauges(status, contact_age);
  seen_ = status;
}

void ReplicaThread::CutLog(const paxos::ReplicaStatus& status) {
  Slot cut = std::min(replica_.cut_through(), durable_applied_);
  if (const auto bytes = ticked_ ? outlets_.log_bytes() : std::nullopt) {
    const LogUse use{cut_through_, status.chosen_through, *bytes};
    cut = std::max(cut, std::min(durable_applied_, CutToFit(use, options_.max_log_bytes)));
  }
  if (cut > cut_through_) {
    cut_through_ = cut;
    outlets_.cut(cut);
  }
}

void ReplicaThread::NoticeEnd(const paxos::ReplicaStatus& status) {
  if (ended_ || (!status.impostor && !status.removed)) return;
  ended_ = true;
  if (status.impostor) {
    outlets_.impostor();
  } else {
    outlets_.removed();
  }
}

void ReplicaThread::Propose(paxos::Command command) {
  // Asked first, because the core keeps the command even when it refuses it.
  if (!has_leader_) {
    const size_t size = SizeOf(command);
    if (leaderless_told_) {
      Fail(command.id.sequence, rpc::Failure::kNoLeader);
    } else if (waiting_bytes_ + size > options_.max_waiting_bytes) {
      Fail(command.id.sequence, rpc::Failure::kOverloaded);
    } else {
      waiting_bytes_ += size;
      waiting_.push_back(std::move(command));
    }
    return;
  }
  const uint64_t sequence = command.id.sequence;
  switch (replica_.Propose(std::move(command))) {
    case paxos::Admission::kAdmitted:
      last_handed_over_ = std::max(last_handed_over_, sequence);
      return;
    case paxos::Admission::kNoLeader:
      return Fail(sequence, rpc::Failure::kNoLeader);
    case paxos::Admission::kOverloaded:
      return Fail(sequence, rpc::Failure::kOverloaded);
  }
}

void ReplicaThread::ProposeWaiting() {
  while (has_leader_ && !waiting_.empty()) {
    paxos::Command command = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= SizeOf(command);
    Propose(std::move(command));
  }
}

void ReplicaThread::StartReads() {
  const auto round = shared_.reads->StartRound();
  if (!round) return;
  shared_.metrics->read_rounds.Increment();
  // Without a leader the reads wait for one, or are given up on with the commands.
  if (replica_.Read(*round) != paxos::Admission::kAdmitted) shared_.reads->Abandon(*round);
}

void ReplicaThread::GiveUpWithoutLeader(absl::Duration now) {
  if (now - leaderless_since_ < options_.leader_patience) return;
  if (!leaderless_told_) {
    leaderless_told_ = true;
    shared_.log->Warn("no leader in sight; refusing writes and linearizable reads")
        .With("for", absl::FormatDuration(options_.leader_patience));
    // What went to a leader that is gone may have been chosen.
    PendingTable::Finished lost;
    shared_.pending->FailThrough(last_handed_over_, rpc::Failure::kTimeoutLeaderFailed, lost);
    shared_.replies->Post(lost);
  }
  for (const paxos::Command& command : waiting_) Fail(command.id.sequence, rpc::Failure::kNoLeader);
  waiting_.clear();
  waiting_bytes_ = 0;
  replica_.CancelReads();
  ReadBatcher::Finished reads;
  shared_.reads->FailUnconfirmed(rpc::Failure::kNoLeader, reads);
  RunAll(reads);
}

void ReplicaThread::OnNewLeader(const paxos::ReplicaStatus& status, absl::Duration now) {
  shared_.log->Info("leader known")
      .With("leader", HexId(status.leader))
      .With("ballot", status.leader_ballot)
      .With("slot", status.chosen_through);
  shared_.metrics->leader_changes.Increment();
  leaderless_told_ = false;
  const bool replaced = last_leader_ && last_leader_ != status.leader_ballot;
  last_leader_ = status.leader_ballot;
  if (!replaced || shared_.pending->size() == 0) return;

  // A read through the new leader names a slot behind everything that survived the old one. Once it
  // is applied here, what went to the old one and is still pending has been lost, or is on its way
  // again: its client should not wait for the deadline to hear that the outcome is unknown.
  rpc::Backend::ReadableDone barrier = [pending = shared_.pending, replies = shared_.replies,
                                        through = handed_to_older_](rpc::Failure failure) {
    if (failure != rpc::Failure::kNone) return;
    PendingTable::Finished lost;
    pending->FailThrough(through, rpc::Failure::kTimeoutLeaderFailed, lost);
    replies->Post(lost);
  };
  shared_.reads->Add(now + kBarrierPatience * options_.leader_patience, barrier);
  StartReads();
  Dispatch();
}

void ReplicaThread::UpdateGauges(const paxos::ReplicaStatus& status, absl::Duration contact_age) {
  NodeMetrics& metrics = *shared_.metrics;
  metrics.has_leader.Set(status.leader_ballot ? 1 : 0);
  metrics.is_leader.Set(status.leader_serves ? 1 : 0);
  metrics.ballot_round.Set(static_cast<double>(status.promised.round));
  metrics.chosen_slot.Set(static_cast<double>(status.chosen_through.value()));
  metrics.quorum_contact_age_seconds.Set(absl::ToDoubleSeconds(contact_age));
}

void ReplicaThread::Fail(uint64_t sequence, rpc::Failure failure) {
  PendingTable::Finished finished;
  shared_.pending->Fail(sequence, failure, finished);
  shared_.replies->Post(finished);
}

}  // namespace synod::node
