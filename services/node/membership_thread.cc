#include "services/node/membership_thread.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace synod::node {
namespace {

// Between two looks at something that will change soon.
constexpr absl::Duration kPause = absl::Milliseconds(10);

// How long a connection must have held to count as steady, in election timeouts: etcd's five
// seconds (HealthInterval) at its default for those.
constexpr int kSteadyTimeouts = 5;

// How long a learner's promotion may take before it is tried again.
constexpr absl::Duration kPromotionPatience = absl::Seconds(5);

rpc::MemberOutcome Failed(rpc::Failure failure) {
  return {failure, rpc::MemberRefusal::kNone, {}, {}};
}

rpc::MemberOutcome Refused(rpc::MemberRefusal refusal) {
  return {rpc::Failure::kNone, refusal, {}, {}};
}

}  // namespace

// A result that comes on another thread. Shared, because nobody may be waiting any more.
struct MembershipThread::Answer {
  Event come;
  rpc::Failure failure = rpc::Failure::kNone;
};

MembershipThread::MembershipThread(Options options, Shared shared, Outlets outlets)
    : options_(options),
      shared_(shared),
      outlets_(std::move(outlets)),
      thread_([this] { Run(); }) {}

void MembershipThread::Stop() {
  if (stopping_.HasBeenNotified()) return;
  stopping_.Notify();
  box_.Close();
  thread_.join();
}

void MembershipThread::Run() {
  std::vector<std::function<void()>> batch;
  // Often enough that nobody waits for a vote longer than for an election.
  while (box_.Take(batch, options_.election_timeout / 4)) {
    for (const auto& work : batch) work();
    box_.Done(batch.size());
    if (!stopping_.HasBeenNotified()) PromoteWhoIsReady();
  }
}

void MembershipThread::Change(rpc::MemberChange change, absl::Duration deadline, bool handed_on,
                              rpc::MembersDone done) {
  if (box_.backlog() >= options_.max_queued) return done(Failed(rpc::Failure::kOverloaded));
  if (!box_.Post([this, change = std::move(change), deadline, handed_on, done] {
        done(RunChange(change, deadline, handed_on));
      })) {
    done(Failed(rpc::Failure::kStopped));
  }
}

void MembershipThread::MoveLeader(NodeId to, absl::Duration deadline,
                                  rpc::Backend::HandOverDone done) {
  if (box_.backlog() >= options_.max_queued ||
      !box_.Post([this, to, deadline, done] { done(RunMoveLeader(to, deadline)); })) {
    done(rpc::HandOverOutcome::kTimeout);
  }
}

void MembershipThread::Resign(absl::Duration deadline, std::function<void()> done) {
  const bool posted = box_.Post([this, deadline, done] {
    const paxos::ConfigurationHistory history = shared_.members->Get();
    if (shared_.board->Read(Now()).leading && !history.empty()) {
      const NodeId successor = Successor(*history.latest().configuration);
      if (successor) HandOver(successor, deadline);
    }
    done();
  });
  if (!posted) done();
}

rpc::MemberOutcome MembershipThread::RunChange(const rpc::MemberChange& change,
                                               absl::Duration deadline, bool handed_on) {
  rpc::MemberOutcome outcome = Failed(rpc::Failure::kNoLeader);
  do {
    const rpc::NodeStatus status = shared_.board->Read(Now());
    Step step = Step::kAgain;
    if (status.leading) {
      step = TryAsLeader(change, deadline, outcome);
    } else if (status.leader && status.leader != options_.self) {
      if (handed_on) return Failed(rpc::Failure::kNoLeader);
      step = TryThroughLeader(change, status.leader, deadline, outcome);
    }
    if (step == Step::kDone) return outcome;
  } while (Pause(deadline));
  return stopping_.HasBeenNotified() ? Failed(rpc::Failure::kStopped) : outcome;
}

MembershipThread::Step MembershipThread::TryAsLeader(const rpc::MemberChange& change,
                                                     absl::Duration deadline,
                                                     rpc::MemberOutcome& outcome) {
  // Refusals must not come from a state that others know to be old.
  if (const rpc::Failure failure = AwaitReadable(deadline); failure != rpc::Failure::kNone) {
    outcome = Failed(failure);
    return failure == rpc::Failure::kNoLeader ? Step::kAgain : Step::kDone;
  }
  const paxos::ConfigurationHistory history = shared_.members->Get();
  if (history.empty()) return Step::kAgain;
  const paxos::ConfigurationHistory::Era& latest = history.latest();
  // One change at a time: the one before must be in force.
  if (shared_.board->Read(Now()).chosen.next() < latest.governs_from) {
    outcome = Failed(rpc::Failure::kSuperseded);
    return Step::kAgain;
  }
  const uint64_t random = static_cast<uint64_t>(random_()) << 32 | random_();
  const NextConfiguration next = ApplyChange(*latest.configuration, change, Facts(), random);
  if (!next.configuration) {
    outcome = Refused(next.refusal);
    return Step::kDone;
  }
  if (latest.configuration->IsVoter(options_.self) &&
      !next.configuration->Contains(options_.self)) {
    const NodeId successor = Successor(*next.configuration);
    if (successor && HandOver(successor, deadline)) return Step::kAgain;  // through the new leader
  }
  const rpc::Failure failure =
      Propose(paxos::ConfigurationChange{latest.chosen_at, *next.configuration}.Encode(), deadline);
  outcome = Failed(failure);
  if (failure == rpc::Failure::kSuperseded) return Step::kAgain;
  if (failure == rpc::Failure::kNone) {
    outcome.added = next.added;
    outcome.members = shared_.board->Read(Now()).members;
  }
  return Step::kDone;
}

MembershipThread::Step MembershipThread::TryThroughLeader(const rpc::MemberChange& change,
                                                          NodeId leader, absl::Duration deadline,
                                                          rpc::MemberOutcome& outcome) {
  const auto addresses = PeerAddresses(shared_.members->Get());
  const auto address = addresses.find(leader);
  if (address == addresses.end()) return Step::kAgain;
  auto answer = outlets_.ask_for_change(address->second, change, deadline - Now());
  if (answer.ok()) {
    outcome = *std::move(answer);
    // Nothing was proposed: there may be another leader by now.
    return outcome.failure == rpc::Failure::kNoLeader ? Step::kAgain : Step::kDone;
  }
  if (absl::IsFailedPrecondition(answer.status())) return Step::kAgain;
  outcome = Failed(absl::IsCancelled(answer.status()) ? rpc::Failure::kStopped
                                                      : rpc::Failure::kTimeoutLeaderFailed);
  return Step::kDone;
}

rpc::HandOverOutcome MembershipThread::RunMoveLeader(NodeId to, absl::Duration deadline) {
  if (!shared_.board->Read(Now()).leading) return rpc::HandOverOutcome::kNotLeader;
  const paxos::ConfigurationHistory history = shared_.members->Get();
  if (history.empty() || !history.latest().configuration->IsVoter(to)) {
    return rpc::HandOverOutcome::kBadTransferee;
  }
  if (to == options_.self) return rpc::HandOverOutcome::kDone;
  HandOver(to, deadline);
  return shared_.board->Read(Now()).leader == to ? rpc::HandOverOutcome::kDone
                                                 : rpc::HandOverOutcome::kTimeout;
}

NodeId MembershipThread::Successor(const paxos::Configuration& configuration) const {
  paxos::MemberProgress best;
  for (const paxos::MemberProgress& member : shared_.board->progress()) {
    if (member.id == options_.self || !configuration.IsVoter(member.id)) continue;
    if (member.silent_ticks > options_.silent_ticks) continue;
    if (!best.id || member.chosen_through > best.chosen_through) best = member;
  }
  return best.id;
}

bool MembershipThread::HandOver(NodeId to, absl::Duration deadline) {
  shared_.log->Info("handing over").With("to", HexId(to));
  const absl::Duration until = std::min(deadline, Now() + options_.election_timeout);
  outlets_.hand_over(to);
  do {
    const NodeId leader = shared_.board->Read(Now()).leader;
    if (leader && leader != options_.self) return true;
  } while (Pause(until));
  return false;
}

void MembershipThread::PromoteWhoIsReady() {
  if (!shared_.board->Read(Now()).leading) return;
  const paxos::ConfigurationHistory history = shared_.members->Get();
  if (history.empty()) return;
  const NodeId ready = ReadyForVote(*history.latest().configuration, Facts());
  if (!ready) return;
  rpc::MemberOutcome outcome;
  const Step step = TryAsLeader(rpc::PromoteMember{ready}, Now() + kPromotionPatience, outcome);
  if (step == Step::kDone && outcome.failure == rpc::Failure::kNone &&
      outcome.refusal == rpc::MemberRefusal::kNone) {
    shared_.log->Info("member has caught up and votes").With("member", HexId(ready));
  }
}

rpc::Failure MembershipThread::AwaitReadable(absl::Duration deadline) {
  const auto answer = std::make_shared<Answer>();
  outlets_.await_readable(deadline, [answer](rpc::Failure failure) {
    answer->failure = failure;
    answer->come.Notify();
  });
  return Await(*answer);
}

rpc::Failure MembershipThread::Propose(std::string payload, absl::Duration deadline) {
  const auto answer = std::make_shared<Answer>();
  outlets_.propose(std::move(payload), deadline, [answer](const rpc::ProposeOutcome& outcome) {
    answer->failure = outcome.failure;
    answer->come.Notify();
  });
  return Await(*answer);
}

// The node keeps the deadline.
rpc::Failure MembershipThread::Await(const Answer& answer) const {
  while (!answer.come.WaitWithTimeout(kPause)) {
    if (stopping_.HasBeenNotified()) return rpc::Failure::kStopped;
  }
  return answer.failure;
}

MembershipFacts MembershipThread::Facts() const {
  MembershipFacts facts;
  facts.self = options_.self;
  facts.names = shared_.board->names();
  facts.chosen_through = shared_.board->Read(Now()).chosen;
  const std::map<NodeId, absl::Duration> links = shared_.board->links();
  const absl::Duration steady_since = Now() - kSteadyTimeouts * options_.election_timeout;
  for (const paxos::MemberProgress& member : shared_.board->progress()) {
    // Of one that it has never heard a leader knows only since when it leads: not that it is there.
    const auto link = links.find(member.id);
    if (link != links.end() && member.silent_ticks <= options_.silent_ticks) {
      facts.connected.insert(member.id);
      if (link->second <= steady_since) facts.steady.insert(member.id);
    }
    facts.learners[member.id] = {member.instance, member.chosen_through};
  }
  return facts;
}

bool MembershipThread::Pause(absl::Duration deadline) {
  const absl::Duration left = deadline - Now();
  if (left <= absl::ZeroDuration()) return false;
  return !stopping_.WaitWithTimeout(std::min(left, kPause));
}

}  // namespace synod::node
