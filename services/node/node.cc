#include "services/node/node.h"

#include <algorithm>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "services/node/identity.h"
#include "services/node/membership.h"
#include "services/rpc/peer_calls.h"

namespace synod::node {
namespace {

constexpr size_t kMaxPending = 64 << 10;
constexpr size_t kMaxReads = 64 << 10;
constexpr size_t kMaxLearnReplies = 64;  // waiting; a peer asks again
constexpr int kLeaderPatienceTimeouts = 3;

constexpr absl::Duration kHousekeepingInterval = absl::Seconds(5);

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

rpc::NodeStatus FixedStatus(const NodeOptions& options, const WhoIAm& self) {
  rpc::NodeStatus status;
  status.cluster = self.cluster;
  status.self = self.self;
  status.name = options.name;
  status.db_size_quota_bytes = options.quota_backend_bytes;
  return status;
}

uint64_t ToldVersion(const WhoIAm& self) {
  return self.running ? self.running->configuration_version : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const NodeOptions& options, Log* log,
                                                  const Clock* clock, Endings endings) {
  auto self = FindOutWhoIAm(options, AskOverNetwork(clock, endings.told_to_stop));
  if (!self.ok()) return self.status();
  auto data = DataDir::Open({options.data_dir, self->cluster, self->self, self->first,
                             RandomNumber(), endings.told_to_stop});
  if (!data.ok()) return data.status();
  for (const std::string& remark : (*data)->remarks()) log->Warn(remark);
  paxos::RecoveredState recovered = (*data)->TakeRecovered();
  if (recovered.configurations.empty() && !self->running) {
    // With patience of its own: a large log or snapshot may have taken minutes to be read.
    auto running = AskRunningCluster(options, AskOverNetwork(clock, endings.told_to_stop));
    if (!running.ok()) return running.status();
    if (running->cluster != self->cluster || running->self != self->self) {
      return absl::FailedPreconditionError(
          absl::StrCat("--data-dir ", options.data_dir,
                       " belongs to a member that the cluster has no more: give ",
                       "this one an empty directory"));
    }
    self->running = *std::move(running);
  }
  std::unique_ptr<Node> node(new Node(options, *std::move(self), *std::move(data),
                                      std::move(recovered), log, clock, std::move(endings)));
  if (auto status = node->Listen(); !status.ok()) return status;
  node->StartThreads();
  return node;
}

Node::Node(const NodeOptions& options, WhoIAm self, std::unique_ptr<DataDir> data,
           paxos::RecoveredState recovered, Log* log, const Clock* clock, Endings endings)
    : options_(options),
      self_(std::move(self)),
      log_(log),
      clock_(clock),
      endings_(std::move(endings)),
      data_(std::move(data)),
      recovered_(std::move(recovered)),
      board_(std::make_shared<StatusBoard>(FixedStatus(options_, self_))),
      members_(self_.self, recovered_.configurations, ToldVersion(self_)),
      load_(Cores()),
      pending_(self_.self, RandomNumber(), kMaxPending),
      reads_(kMaxReads, recovered_.applied),
      inbox_(ReplicaInboxLimits()),
      snapshots_(
          {data_->path() + "/snapshots", self_.cluster}, storage::Env::Posix(),
          [this](const std::string& dir) { return apply_thread_->Checkpoint(dir); }, clock),
      fetch_(self_.cluster, self_.self,
             {data_->state_directories(), data_->state(), log, clock, endings_.fatal},
             {[this](Slot slot) { return CutLogDurably(slot); },
              [this](std::shared_ptr<State> state, const auto& cut_log) {
                return apply_thread_->Install(std::move(state), cut_log);
              }}) {
  board_->Introduce(self_.self, {options_.name, Texts(options_.advertise_client_urls)});
  if (!recovered_.configurations.empty()) ShowMembers(recovered_.configurations);
}

absl::Status Node::Listen() {
  rpc::PeerTransportOptions transport;
  transport.cluster = self_.cluster;
  transport.self = self_.self;
  transport.listen = options_.listen_peer_url.address.ToString();
  transport.introduction = {options_.name, Texts(options_.advertise_client_urls)};
  transport.configuration_version = [this] { return members_.version(); };
  transport.peer_introduced = [board = board_](NodeId peer, rpc::PeerIntroduction introduction) {
    board->Introduce(peer, std::move(introduction));
  };
  transport.link_changed = [this](NodeId peer, const absl::Status& status) {
    OnLink(peer, status);
  };
  transport.join = [this](const auto& peer_urls) { return AnswerJoining(peer_urls); };
  transport.open_snapshot = [this](Slot at_least, uint64_t id) {
    return snapshots_.Open(at_least, id);
  };
  transport.hash_store = [this](kv::Revision revision, kv::GiveUp give_up) {
    return HashStore(revision, give_up);
  };
  transport.change_members = [this](rpc::MemberChange change, absl::Duration timeout,
                                    rpc::MembersDone done) {
    return TakeChange(std::move(change), timeout, std::move(done));
  };
  // Messages that come before the replica thread runs wait in the inbox.
  auto started = rpc::PeerTransport::Start(
      std::move(transport),
      [this](std::vector<paxos::Message> messages) { inbox_.PostMessages(std::move(messages)); });
  if (!started.ok()) return started.status();
  transport_ = *std::move(started);
  return absl::OkStatus();
}

// Peers and clients come in last: by then everybody they are handed to is there.
void Node::StartThreads() {
  replies_.emplace(std::clamp(Cores(), 2, 8));
  catch_up_.emplace(kMaxLearnReplies);
  flusher_.emplace(1);
  defragmenter_.emplace(1);
  connector_.emplace(2);
  fetcher_.emplace(1);
  StartApplyThread();
  StartLogThread();
  StartMembershipThread();
  StartReplicaThread();
  housekeeper_.emplace(kHousekeepingInterval, [this] {
    snapshots_.RemoveIdle();
    fetch_.CancelIfStuck();
  });
  started_.store(true);
  connector_->Post([this] { ConnectToMembers(); });
}

void Node::StartApplyThread() {
  ApplyThread::Options apply;
  apply.self = self_.self;
  apply.flush_slots = options_.snapshot_count;
  apply.window = paxos::ReplicaOptions().window;
  ApplyThread::Outlets outlets;
  outlets.applied = [this](Slot slot, ApplyThread::Results results) {
    OnApplied(slot, std::move(results));
  };
  outlets.configured = [this](const paxos::ConfigurationHistory& configurations, Slot) {
    OnConfigured(configurations);
  };
  outlets.durable = [this](Slot slot) { inbox_.PostDurable(slot); };
  outlets.flush = [this] { flusher_->Post([this] { FlushEngine(); }); };
  outlets.fatal = [this](absl::string_view doing, const absl::Status& why) {
    // None can take its place as long as the apply thread is at it.
    OnStateFailure(*data_->state()->Get(), doing, why);
  };
  apply_thread_.emplace(apply, data_->state(), recovered_.configurations, &metrics_, clock_,
                        std::move(outlets));
}

void Node::StartLogThread() {
  log_thread_.emplace(
      data_->log(), &metrics_, clock_,
      LogThread::Outlets{
          [this](std::vector<paxos::Message> messages) { transport_->Send(std::move(messages)); },
          [this](paxos::PersistToken token) { inbox_.PostPersisted(token); },
          [this](const paxos::LearnReply& reply) {
            catch_up_->Post([this, reply] { ServeLearnReply(reply); });
          },
          endings_.fatal,
          [this](const absl::Status& status) {
            if (status.ok()) {
              log_->Info("the acceptor log has space again");
            } else {
              log_->Error(
                      "the disk is full: this member votes and answers no more until there is "
                      "space")
                  .With("error", status.message());
            }
          },
      });
}

void Node::StartMembershipThread() {
  const Ticks ticks(options_.heartbeat_interval, options_.election_timeout);
  membership_.emplace(
      MembershipThread::Options{self_.self, options_.election_timeout, ticks.election_ticks()},
      MembershipThread::Shared{&members_, board_.get(), log_, clock_},
      MembershipThread::Outlets{
          [this](absl::Duration deadline, ReadableDone done) {
            AwaitReadable(deadline, std::move(done));
          },
          [this](std::string payload, absl::Duration deadline, ProposeDone done) {
            ProposeCommand(paxos::CommandKind::kConfiguration, std::move(payload), deadline,
                           std::move(done));
          },
          [this](NodeId to) { inbox_.PostHandOver(to); },
          [this](const std::string& address, const rpc::MemberChange& change,
                 absl::Duration timeout) {
            return rpc::AskForChange(address, self_.cluster, change, timeout,
                                     [this] { return stopping_.load(); });
          },
      });
}

void Node::StartReplicaThread() {
  const Ticks ticks(options_.heartbeat_interval, options_.election_timeout);
  paxos::ReplicaOptions replica;
  replica.group = kGroup;
  replica.self = self_.self;
  replica.seed = RandomNumber();
  ticks.SetIn(replica);
  if (self_.running) {
    for (const auto& [peer, address] : self_.running->peers) recovered_.contacts.push_back(peer);
  }
  log_->Info("recovered")
      .With("node", HexId(self_.self))
      .With("cluster", HexId(self_.cluster))
      .With("promised", recovered_.promised)
      .With("applied", recovered_.applied)
      .With("chosen_beyond", recovered_.chosen.size())
      .With("accepted_beyond", recovered_.accepted.size())
      .With("unknown", recovered_.unknown.size());
  ReplicaThread::Options options{ticks, kLeaderPatienceTimeouts * options_.election_timeout};
  options.max_log_bytes = options_.max_log_bytes;
  ReplicaThread::Outlets outlets;
  outlets.send = [this](std::vector<paxos::Message> messages) {
    transport_->Send(std::move(messages));
  };
  outlets.persist = [this](paxos::Ready& ready) {
    log_thread_->Post({std::move(ready.records), ready.token, std::move(ready.messages_after_sync),
                       std::move(ready.learn_replies)});
  };
  outlets.apply = [this](std::vector<paxos::ChosenValue> chosen) {
    apply_thread_->Post(std::move(chosen));
  };
  outlets.cut = [this](Slot slot) { log_thread_->CutThrough(kGroup, slot); };
  outlets.fetch = [this](const paxos::SnapshotFetch& wanted) {
    if (!fetcher_->Post([this, wanted] { Fetch(wanted); })) inbox_.PostFetchEnd({});
  };
  outlets.impostor = [this] { OnImpostor(); };
  outlets.removed = [this] { OnRemoved("it has applied the change that removes it"); };
  outlets.backlog_bytes = [this] {
    return std::max(log_thread_->backlog_bytes(), apply_thread_->backlog_bytes());
  };
  outlets.log_bytes = [this] { return log_thread_->settled_bytes(); };
  replica_thread_.emplace(options, std::move(replica), std::move(recovered_),
                          ReplicaThread::Shared{&inbox_, &pending_, &reads_, &*replies_,
                                                board_.get(), &metrics_, log_, clock_},
                          std::move(outlets));
}

void Node::FailPending() {
  PendingTable::Finished proposals;
  pending_.FailAll(rpc::Failure::kStopped, proposals);
  if (replies_) replies_->Post(proposals);
  ReadBatcher::Finished reads;
  reads_.FailAll(rpc::Failure::kStopped, reads);
  RunAll(reads);
}

Node::~Node() {
  stopping_.store(true);
  inbox_.Close();
  snapshots_.Stop();
  housekeeper_.reset();
  if (membership_) membership_->Stop();
  fetch_.Cancel();
  fetcher_.reset();
  if (transport_ != nullptr) transport_->StopServing();
  replica_thread_.reset();
  log_thread_.reset();
  // Their work asks the apply thread; the log thread gave it to the first.
  catch_up_.reset();
  defragmenter_.reset();
  // The apply thread gives work to these two.
  apply_thread_.reset();
  flusher_.reset();
  connector_.reset();
  FailPending();
  replies_.reset();
  transport_.reset();
  if (auto status = data_->state()->Get()->engine->Flush(); !status.ok()) {
    log_->Error("flushing the state engine failed").With("error", status.message());
  }
}

}  // namespace synod::node
