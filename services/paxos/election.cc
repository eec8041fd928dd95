#include "services/paxos/election.h"

#include <algorithm>
#include <utility>

namespace synod::paxos {
namespace {

int DrawPatience(int election_ticks, Random& random) {
  const auto ticks = static_cast<uint64_t>(election_ticks);
  return static_cast<int>(random.Between(ticks, ticks + (ticks + 1) / 2));
}

}  // namespace

Election::Election(const ConfigurationHistory* configurations, NodeId self, int election_ticks,
                   Ballot promised, Random random)
    : configurations_(configurations),
      self_(self),
      election_ticks_(election_ticks),
      random_(std::move(random)),
      patience_ticks_(DrawPatience(election_ticks, random_)),
      highest_round_(promised.round) {}

bool Election::HearsLeader() const {
  return leader_ballot_ && (role_ == Role::kLeader || silent_ticks_ < election_ticks_);
}

bool Election::Tick() {
  if (role_ == Role::kLeader) return false;
  ++silent_ticks_;
  ++waited_ticks_;
  return waited_ticks_ >= patience_ticks_;
}

void Election::Saw(const Ballot& ballot) {
  highest_round_ = std::max(highest_round_, ballot.round);
}

Probe Election::StartProbe(Slot chosen_through) {
  role_ = Role::kProbing;
  leader_ballot_ = Ballot();
  waited_ticks_ = 0;
  patience_ticks_ = DrawPatience(election_ticks_, random_);
  probe_ballot_ = {highest_round_ + 1, self_};
  welcomed_by_ = Tally();
  return {probe_ballot_, chosen_through};
}

bool Election::OnProbeReply(NodeId from, const ProbeReply& reply, Slot chosen_through) {
  Saw(reply.promised);
  if (role_ != Role::kProbing || reply.ballot != probe_ballot_ || !reply.welcome) return false;
  welcomed_by_.Add(from);
  return configurations_->IsQuorumOfAll(welcomed_by_, chosen_through);
}

Ballot Election::StartPrepare() {
  role_ = Role::kPreparing;
  leader_ballot_ = Ballot();
  waited_ticks_ = 0;
  ++highest_round_;
  return {highest_round_, self_};
}

void Election::OnElected(const Ballot& ballot) {
  role_ = Role::kLeader;
  leader_ballot_ = ballot;
  silent_ticks_ = 0;
}

void Election::OnLeader(const Ballot& ballot) {
  Saw(ballot);
  silent_ticks_ = 0;
  BecomeFollower(ballot);
}

void Election::OnPromised(const Ballot& ballot) {
  Saw(ballot);
  if (ballot.node == self_) return;
  silent_ticks_ = 0;
  BecomeFollower(ballot == leader_ballot_ ? ballot : Ballot());
}

void Election::StepDown(int silent_ticks) {
  silent_ticks_ = silent_ticks;
  patience_ticks_ = DrawPatience(election_ticks_, random_);
  BecomeFollower(Ballot());
}

void Election::BecomeFollower(const Ballot& leader_ballot) {
  role_ = Role::kFollower;
  leader_ballot_ = leader_ballot;
  waited_ticks_ = 0;
}

}  // namespace synod::paxos
