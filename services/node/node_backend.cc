// What a node does for its clients and for other members; its threads are in node.cc.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/steady_wait.h"
#include "services/kv/command.h"
#include "services/node/identity.h"
#include "services/node/membership.h"
#include "services/node/node.h"

namespace synod::node {
namespace {

constexpr size_t kMaxLearnedBytes = 1 << 20;  // in one answer to a peer that is behind

// Between two looks at whether the node stops.
constexpr absl::Duration kStopCheck = absl::Milliseconds(20);

}  // namespace

// --- clients -----------------------------------------------------------------------------------

void Node::Resign() {
  const auto done = std::make_shared<Event>();
  membership_->Resign(Now() + options_.election_timeout, [done] { done->Notify(); });
  done->WaitWithTimeout(options_.election_timeout);
}

void Node::RefuseClients() {
  stopping_.store(true);
  fetch_.Cancel();
  FailPending();
  membership_->Stop();
}

void Node::Propose(kv::Request request, absl::Duration deadline, ProposeDone done) {
  metrics_.proposals.Increment();
  ProposeCommand(paxos::CommandKind::kRequest, kv::EncodeCommand(request), deadline,
                 std::move(done));
}

void Node::ProposeCommand(paxos::CommandKind kind, std::string payload, absl::Duration deadline,
                          ProposeDone done) {
  auto failure = rpc::Failure::kStopped;
  if (!stopping_.load(std::memory_order_relaxed)) {
    const auto id = pending_.Add(deadline, done);
    if (id && inbox_.PostCommand({*id, std::move(payload), kind})) return;
    failure = rpc::Failure::kOverloaded;
    if (id) {
      PendingTable::Finished refused;
      pending_.Fail(id->sequence, failure, refused);
      for (FinishedProposal& proposal : refused) proposal.Run();
      return;
    }
  }
  done({failure, {}});
}

void Node::AwaitReadable(absl::Duration deadline, ReadableDone done) {
  metrics_.reads.Increment();
  auto failure = rpc::Failure::kStopped;
  if (!stopping_.load(std::memory_order_relaxed)) {
    switch (reads_.Add(deadline, done)) {
      case ReadBatcher::Added::kFirst:
        inbox_.Wake();
        return;
      case ReadBatcher::Added::kJoined:
        return;
      case ReadBatcher::Added::kFull:
        failure = rpc::Failure::kOverloaded;
    }
  }
  done(failure);
}

void Node::ChangeMembers(rpc::MemberChange change, absl::Duration deadline, rpc::MembersDone done) {
  membership_->Change(std::move(change), deadline, /*handed_on=*/false, std::move(done));
}

void Node::MoveLeader(NodeId to, absl::Duration deadline, HandOverDone done) {
  membership_->MoveLeader(to, deadline, std::move(done));
}

std::shared_ptr<const kv::ReadView> Node::View() const {
  return data_->state()->View();
}

kv::Error Node::Refuses(const kv::Request& request) const {
  return data_->state()->Get()->machine->Refuses(request);
}

void Node::Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                      std::function<void(absl::Status)> done) {
  const bool posted = defragmenter_->Post([this, cancel = std::move(cancel), done] {
    // History goes by whole files: those that are old enough need not be rewritten, and those that
    // were just written are old enough afterwards. So a compaction just before counts.
    absl::Status status = apply_thread_->DropHistory();
    if (status.ok()) status = data_->state()->Get()->engine->Defragment(cancel.get());
    if (status.ok()) status = apply_thread_->DropHistory();
    done(status);
  });
  if (!posted) {
    done(absl::FailedPreconditionError("this member is being defragmented; wait for the end"));
  }
}

rpc::NodeStatus Node::Status() const {
  rpc::NodeStatus status = board_->Read(clock_->Monotonic());
  const std::shared_ptr<State> state = data_->state()->Get();
  status.applied = apply_thread_->applied();
  status.stalled_for = std::max(log_thread_->stalled_for(), apply_thread_->stalled_for());
  status.db_size_bytes = state->engine->SizeBytes();
  status.db_size_in_use_bytes = state->engine->SizeInUseBytes();
  status.load = load_.Report(
      clock_->Monotonic(), {ProcessCpuTime(), static_cast<double>(metrics_.calls.finished_total()),
                            static_cast<double>(metrics_.calls.errors_total())});
  status.load.requests_in_flight = metrics_.calls.in_flight();
  status.load.queue_utilization = inbox_.utilization();
  return status;
}

std::shared_ptr<void> Node::Subscribe(std::function<void()> changed) {
  return board_->Subscribe(std::move(changed));
}

std::shared_ptr<const prometheus::Collectable> Node::metrics() {
  metrics_.pending_proposals.Set(static_cast<double>(pending_.size()));
  metrics_.proposals_failed.Set(static_cast<double>(pending_.failed_total()));
  metrics_.pending_reads.Set(static_cast<double>(reads_.size()));
  metrics_.messages_dropped.Set(static_cast<double>(inbox_.messages_dropped_total()));
  metrics_.log_bytes.Set(static_cast<double>(log_thread_->size_bytes()));
  metrics_.log_backlog_bytes.Set(static_cast<double>(log_thread_->backlog_bytes()));
  metrics_.apply_backlog_bytes.Set(static_cast<double>(apply_thread_->backlog_bytes()));
  metrics_.applied_slot.Set(static_cast<double>(apply_thread_->applied().value()));
  metrics_.database_bytes.Set(static_cast<double>(data_->state()->Get()->engine->SizeBytes()));
  metrics_.cpu_seconds.Set(absl::ToDoubleSeconds(ProcessCpuTime()));
  metrics_.log_lines_dropped.Set(static_cast<double>(log_->dropped_total()));
  return metrics_.registry();
}

void Node::OnApplied(Slot slot, ApplyThread::Results results) {
  PendingTable::Finished proposals;
  pending_.Resolve(std::move(results.own), proposals);
  for (const uint64_t sequence : results.superseded) {
    pending_.Fail(sequence, rpc::Failure::kSuperseded, proposals);
  }
  replies_->Post(proposals);
  ReadBatcher::Finished reads;
  reads_.Applied(slot, reads);
  RunAll(reads);
}

void Node::FlushEngine() {
  const absl::Duration start = clock_->Monotonic();
  // Another state may have taken its place by the time that it fails.
  const std::shared_ptr<State> state = data_->state()->Get();
  if (auto status = state->engine->Flush(); !status.ok()) {
    OnStateFailure(*state, "flushing the state engine", status);
    return;
  }
  metrics_.flush_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
}

// The next start must not run into the same block: it builds the state again.
void Node::OnStateFailure(const State& state, absl::string_view doing, const absl::Status& why) {
  if (absl::IsDataLoss(why)) {
    if (auto marked = MarkDamaged(state, why.message()); !marked.ok()) {
      log_->Error("cannot mark the state as damaged").With("error", marked.message());
    }
  }
  endings_.fatal(doing, why);
}

// --- members -----------------------------------------------------------------------------------

void Node::ShowMembers(const paxos::ConfigurationHistory& configurations) {
  board_->SetMembers(VersionOf(configurations), MembersOf(*configurations.latest().configuration));
}

void Node::OnConfigured(const paxos::ConfigurationHistory& configurations) {
  members_.Set(configurations);
  ShowMembers(configurations);
  // When it is full, one that is queued will see these configurations too.
  connector_->Post([this] { ConnectToMembers(); });
}

void Node::ConnectToMembers() {
  const paxos::ConfigurationHistory configurations = members_.Get();
  std::map<NodeId, std::string> peers;
  if (!configurations.empty()) {
    peers = PeerAddresses(configurations);
  } else if (self_.running) {
    peers = self_.running->peers;
  }
  peers.erase(self_.self);
  board_->SetPeers(peers);
  transport_->SetPeers(std::move(peers), VersionOf(configurations));
}

void Node::OnLink(NodeId peer, const absl::Status& status) {
  board_->SetLink(peer, status.ok(), clock_->Monotonic());
  if (status.ok()) {
    log_->Info("peer reached").With("peer", HexId(peer));
    return;
  }
  log_->Warn("peer out of reach").With("peer", HexId(peer)).With("error", status.message());
  if (absl::IsNotFound(status)) OnRemoved(status.message());
}

void Node::OnRemoved(absl::string_view why) {
  if (stopping_.load() || removed_.exchange(true)) return;
  log_->Warn("this node is no member of the cluster any more; it stops for good").With("why", why);
  endings_.removed();
}

void Node::OnImpostor() {
  endings_.fatal(
      "taking part in the cluster",
      absl::FailedPreconditionError(absl::StrCat(
          "the other members know this one by another disk: --data-dir ", options_.data_dir,
          " was wiped or replaced, and has forgotten what it promised. If it still is a member, "
          "remove it (synodctl member remove ",
          HexId(self_.self),
          "); add it again (synodctl member add), and start it with an empty directory and "
          "--initial-cluster-state=existing. If the cluster has never come up, empty the "
          "directories "
          "of all its members and start them again instead")));
}

absl::StatusOr<rpc::JoinAnswer> Node::AnswerJoining(
    const std::vector<std::string>& peer_urls) const {
  const paxos::ConfigurationHistory configurations = members_.Get();
  if (configurations.empty()) return absl::UnavailableError("this node knows no members yet");
  const paxos::Configuration& latest = *configurations.latest().configuration;
  const NodeId member = FindByPeerUrls(latest, peer_urls);
  if (!member) return absl::NotFoundError("no member has these peer URLs");
  return rpc::JoinAnswer{self_.cluster, member, VersionOf(configurations), MembersOf(latest)};
}

bool Node::TakeChange(rpc::MemberChange change, absl::Duration timeout, rpc::MembersDone done) {
  if (!started_.load() || !board_->Read(clock_->Monotonic()).leading) return false;
  membership_->Change(std::move(change), clock_->Monotonic() + timeout, /*handed_on=*/true,
                      std::move(done));
  return true;
}

// --- those who are behind ----------------------------------------------------------------------

void Node::ServeLearnReply(const paxos::LearnReply& reply) {
  std::vector<paxos::Message> messages;
  absl::StatusOr<std::vector<paxos::AcceptedValue>> values = std::vector<paxos::AcceptedValue>();
  if (reply.first_slot) {
    values = data_->log()->ReadValues(kGroup, reply.first_slot, reply.last_slot, kMaxLearnedBytes);
  }
  if (!reply.first_slot || absl::IsOutOfRange(values.status())) {
    // A node without a state has no snapshot: another peer will be asked.
    if (const Slot applied = apply_thread_->applied()) {
      messages.push_back({kGroup, self_.self, reply.to, paxos::SnapshotOffer{applied}});
    }
  } else if (!values.ok()) {
    metrics_.unreadable_values.Increment();
    log_->Warn("cannot answer a peer that is behind; it will ask another one")
        .With("peer", HexId(reply.to))
        .With("slot", reply.first_slot)
        .With("error", values.status().message());
  } else if (!values->empty()) {
    paxos::Learned learned;
    learned.chosen_through = reply.last_slot;
    learned.values.reserve(values->size());
    for (paxos::AcceptedValue& value : *values) {
      learned.values.push_back({value.slot, std::move(value.value)});
    }
    messages.push_back({kGroup, self_.self, reply.to, std::move(learned)});
  }
  if (!messages.empty()) transport_->Send(std::move(messages));
}

void Node::Fetch(const paxos::SnapshotFetch& wanted) {
  FetchEnd end;
  // A snapshot from before this node was a member would tell it that it is none.
  const uint64_t told = self_.running ? self_.running->configuration_version : 0;
  const Slot at_least = std::max(wanted.at_least, Slot(told == 0 ? 0 : told - 1));
  const auto installed = fetch_.Fetch(AddressOf(wanted.from), at_least);
  if (installed.ok()) {
    end = {*installed, members_.Get()};
    for (const std::string& remark : data_->ForgetOldDamage()) log_->Warn(remark);
  } else {
    log_->Warn("fetching a snapshot failed; it will be tried again")
        .With("peer", HexId(wanted.from))
        .With("error", installed.status().message());
  }
  inbox_.PostFetchEnd(std::move(end));
}

absl::Status Node::CutLogDurably(Slot slot) {
  const auto done = std::make_shared<Event>();
  log_thread_->CutDurably(kGroup, slot, [done] { done->Notify(); });
  while (!done->WaitWithTimeout(kStopCheck)) {
    if (stopping_.load()) return absl::CancelledError("the node stops");
  }
  return absl::OkStatus();
}

std::string Node::AddressOf(NodeId peer) const {
  const paxos::ConfigurationHistory configurations = members_.Get();
  const auto addresses = configurations.empty() && self_.running ? self_.running->peers
                                                                 : PeerAddresses(configurations);
  const auto found = addresses.find(peer);
  return found == addresses.end() ? "" : found->second;
}

}  // namespace synod::node
