#include "services/node/node.h"

#include <algorithm>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "services/kv/command.h"
#include "services/node/membership.h"

namespace synod::node {
namespace {

constexpr size_t kMaxPending = 64 << 10;
constexpr size_t kMaxReads = 64 << 10;
constexpr size_t kMaxLearnedBytes = 1 << 20;  // in one answer to a peer that is behind
constexpr size_t kMaxLearnReplies = 64;       // waiting; a peer asks again
constexpr int kLeaderPatienceTimeouts = 3;

// A number that no earlier life of this node, and no other node, has drawn.
uint64_t RandomNumber() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

int Cores() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::vector<std::string> Texts(const std::vector<Url>& urls) {
  std::vector<std::string> texts;
  for (const Url& url : urls) texts.push_back(url.ToString());
  return texts;
}

rpc::NodeStatus FixedStatus(const NodeOptions& options, const Identity& identity) {
  rpc::NodeStatus status;
  status.cluster = identity.cluster;
  status.self = identity.self;
  status.name = options.name;
  status.db_size_quota_bytes = options.quota_backend_bytes;
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const NodeOptions& options, Log* log,
                                                  const Clock* clock, FatalHandler fatal) {
  Identity identity =
      DeriveIdentity(options.name, options.initial_cluster, options.initial_cluster_token);
  auto data =
      DataDir::Open({options.data_dir, identity.cluster, identity.self, options.join_existing,
                     paxos::ConfigurationHistory(FirstConfiguration(identity)), RandomNumber()});
  if (!data.ok()) return data.status();
  std::unique_ptr<Node> node(
      new Node(options, std::move(identity), *std::move(data), log, clock, std::move(fatal)));
  if (auto status = node->Listen(); !status.ok()) return status;
  node->StartThreads();
  return node;
}

Node::Node(const NodeOptions& options, Identity identity, std::unique_ptr<DataDir> data, Log* log,
           const Clock* clock, FatalHandler fatal)
    : options_(options),
      identity_(std::move(identity)),
      log_(log),
      clock_(clock),
      fatal_(std::move(fatal)),
      data_(std::move(data)),
      board_(std::make_shared<StatusBoard>(FixedStatus(options_, identity_))),
      load_(Cores()),
      pending_(identity_.self, RandomNumber(), kMaxPending),
      reads_(kMaxReads, data_->machine()->applied()),
      inbox_(ReplicaInboxLimits()) {
  board_->SetMembers(1, MembersOf(FirstConfiguration(identity_)));
  board_->Introduce(identity_.self, {options_.name, Texts(options_.advertise_client_urls)});
}

absl::Status Node::Listen() {
  rpc::PeerTransportOptions transport;
  transport.cluster = identity_.cluster;
  transport.self = identity_.self;
  transport.listen = options_.listen_peer_url.address.ToString();
  transport.introduction = {options_.name, Texts(options_.advertise_client_urls)};
  transport.configuration_version = [] { return 1; };
  transport.peer_introduced = [board = board_](NodeId peer, rpc::PeerIntroduction introduction) {
    board->Introduce(peer, std::move(introduction));
  };
  transport.link_changed = [this](NodeId peer, const absl::Status& status) {
    if (status.ok()) {
      log_->Info("peer reached").With("peer", HexId(peer));
    } else {
      log_->Warn("peer out of reach").With("peer", HexId(peer)).With("error", status.message());
    }
  };
  // Messages that come before the replica thread runs wait in the inbox.
  auto started = rpc::PeerTransport::Start(
      std::move(transport),
      [this](std::vector<paxos::Message> messages) { inbox_.PostMessages(std::move(messages)); });
  if (!started.ok()) return started.status();
  transport_ = *std::move(started);
  return absl::OkStatus();
}

void Node::StartThreads() {
  std::map<NodeId, std::string> peers;
  for (const IdentifiedMember& member : identity_.members) {
    if (member.id != identity_.self) peers[member.id] = member.peer_urls[0].address.ToString();
  }
  transport_->SetPeers(std::move(peers), 1);

  replies_.emplace(std::clamp(Cores(), 2, 8));
  catch_up_.emplace(kMaxLearnReplies);
  flusher_.emplace(1);
  defragmenter_.emplace(1);

  ApplyThread::Options apply;
  apply.self = identity_.self;
  apply.flush_slots = options_.snapshot_count;
  apply_thread_.emplace(apply, data_->machine(), &metrics_, clock_,
                        ApplyThread::Outlets{
                            [this](Slot slot, std::vector<PendingTable::Applied> own) {
                              OnApplied(slot, std::move(own));
                            },
                            [this](Slot slot) { inbox_.PostDurable(slot); },
                            [this] { flusher_->Post([this] { FlushEngine(); }); },
                            fatal_,
                        });
  log_thread_.emplace(
      data_->log(), &metrics_, clock_,
      LogThread::Outlets{
          [this](std::vector<paxos::Message> messages) { transport_->Send(std::move(messages)); },
          [this](paxos::PersistToken token) { inbox_.PostPersisted(token); },
          [this](const paxos::LearnReply& reply) {
            catch_up_->Post([this, reply] { ServeLearnReply(reply); });
          },
          fatal_,
      });

  const Ticks ticks(options_.heartbeat_interval, options_.election_timeout);
  paxos::ReplicaOptions replica;
  replica.group = kGroup;
  replica.self = identity_.self;
  replica.seed = RandomNumber();
  ticks.SetIn(replica);
  paxos::RecoveredState recovered = data_->TakeRecovered();
  log_->Info("recovered")
      .With("node", HexId(identity_.self))
      .With("cluster", HexId(identity_.cluster))
      .With("promised", recovered.promised)
      .With("applied", recovered.applied)
      .With("chosen_beyond", recovered.chosen.size())
      .With("accepted_beyond", recovered.accepted.size());
  replica_thread_.emplace(
      ReplicaThread::Options{ticks, kLeaderPatienceTimeouts * options_.election_timeout},
      std::move(replica), std::move(recovered),
      ReplicaThread::Shared{&inbox_, &pending_, &reads_, &*replies_, board_.get(), &metrics_, log_,
                            clock_},
      ReplicaThread::Outlets{
          [this](std::vector<paxos::Message> messages) { transport_->Send(std::move(messages)); },
          [this](paxos::Ready& ready) {
            log_thread_->Post({std::move(ready.records), ready.token,
                               std::move(ready.messages_after_sync),
                               std::move(ready.learn_replies)});
          },
          [this](std::vector<paxos::ChosenValue> chosen) {
            apply_thread_->Post(std::move(chosen));
          },
          [this](Slot slot) { log_thread_->CutThrough(kGroup, slot); },
          [this] { return std::max(log_thread_->backlog_bytes(), apply_thread_->backlog_bytes()); },
      });
}

Node::~Node() {
  stopping_.store(true);
  inbox_.Close();
  replica_thread_.reset();
  log_thread_.reset();
  apply_thread_.reset();
  flusher_.reset();
  defragmenter_.reset();
  catch_up_.reset();
  PendingTable::Finished proposals;
  pending_.FailAll(rpc::Failure::kStopped, proposals);
  ReadBatcher::Finished reads;
  reads_.FailAll(rpc::Failure::kStopped, reads);
  if (replies_) {
    replies_->Post(proposals);
    replies_.reset();
  }
  RunAll(reads);
  transport_.reset();
  if (auto status = data_->engine()->Flush(); !status.ok()) {
    log_->Error("flushing the state engine failed").With("error", status.message());
  }
}

void Node::Propose(kv::Request request, absl::Duration deadline, ProposeDone done) {
  metrics_.proposals.Increment();
  auto failure = rpc::Failure::kStopped;
  if (!stopping_.load(std::memory_order_relaxed)) {
    const auto id = pending_.Add(deadline, done);
    if (id && inbox_.PostCommand({*id, kv::EncodeCommand(request)})) return;
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

std::shared_ptr<const kv::ReadView> Node::View() const {
  return data_->machine()->View();
}

kv::Error Node::Refuses(const kv::Request& request) const {
  return data_->machine()->Refuses(request);
}

void Node::Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                      std::function<void(absl::Status)> done) {
  const bool posted = defragmenter_->Post([this, cancel = std::move(cancel), done] {
    done(data_->engine()->Defragment(cancel.get()));
  });
  if (!posted) {
    done(absl::FailedPreconditionError("this member is being defragmented; wait for the end"));
  }
}

rpc::NodeStatus Node::Status() const {
  rpc::NodeStatus status = board_->Read(clock_->Monotonic());
  status.applied = apply_thread_->applied();
  status.db_size_bytes = data_->engine()->SizeBytes();
  status.db_size_in_use_bytes = data_->engine()->SizeInUseBytes();
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
  metrics_.database_bytes.Set(static_cast<double>(data_->engine()->SizeBytes()));
  metrics_.cpu_seconds.Set(absl::ToDoubleSeconds(ProcessCpuTime()));
  metrics_.log_lines_dropped.Set(static_cast<double>(log_->dropped_total()));
  return metrics_.registry();
}

void Node::ServeLearnReply(const paxos::LearnReply& reply) {
  auto values =
      data_->log()->ReadValues(kGroup, reply.first_slot, reply.last_slot, kMaxLearnedBytes);
  if (!values.ok()) {
    log_->Warn("cannot answer a peer that is behind")
        .With("peer", HexId(reply.to))
        .With("slot", reply.first_slot)
        .With("error", values.status().message());
    return;
  }
  if (values->empty()) return;
  paxos::Learned learned;
  learned.chosen_through = reply.last_slot;
  learned.values.reserve(values->size());
  for (paxos::AcceptedValue& value : *values) {
    learned.values.push_back({value.slot, std::move(value.value)});
  }
  std::vector<paxos::Message> messages;
  messages.push_back({kGroup, identity_.self, reply.to, std::move(learned)});
  transport_->Send(std::move(messages));
}

void Node::OnApplied(Slot slot, std::vector<PendingTable::Applied> own) {
  PendingTable::Finished proposals;
  pending_.Resolve(std::move(own), proposals);
  replies_->Post(proposals);
  ReadBatcher::Finished reads;
  reads_.Applied(slot, reads);
  RunAll(reads);
}

void Node::FlushEngine() {
  const absl::Duration start = clock_->Monotonic();
  if (auto status = data_->engine()->Flush(); !status.ok()) {
    fatal_("flushing the state engine", status);
    return;
  }
  metrics_.flush_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
}

}  // namespace synod::node
