// The part of Balancer that carries calls: what proxy/call.cc does with streams.
#include <algorithm>
#include <utility>

#include "balancer/control/follower.h"
#include "tests/sim/balancer.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

absl::string_view PathOf(const Operation& operation) {
  const auto* write = std::get_if<WriteOperation>(&operation.body);
  if (write == nullptr) return "/etcdserverpb.KV/Range";
  if (std::holds_alternative<kv::PutRequest>(write->request)) return "/etcdserverpb.KV/Put";
  if (std::holds_alternative<kv::TxnRequest>(write->request)) return "/etcdserverpb.KV/Txn";
  if (std::holds_alternative<kv::CompactRequest>(write->request)) return "/etcdserverpb.KV/Compact";
  return "/etcdserverpb.KV/DeleteRange";
}

}  // namespace

void Balancer::Call(size_t operation, ReplyDone done) {
  life_->calls[operation].done = std::move(done);
  StartAttempt(operation);
}

void Balancer::Cancel(size_t operation) {
  if (running()) life_->calls.erase(operation);
}

Balancer::PendingCall* Balancer::Find(size_t operation, uint64_t attempt) {
  const auto found = life_->calls.find(operation);
  if (found == life_->calls.end() || found->second.attempt != attempt) return nullptr;
  return &found->second;
}

void Balancer::End(size_t operation, Reply&& reply) {
  auto call = life_->calls.extract(operation);
  call.mapped().done(std::move(reply));
}

void Balancer::StartAttempt(size_t operation) {
  Life& life = *life_;
  PendingCall& call = life.calls.at(operation);
  const absl::Duration now = world_.loop.now();
  ++call.attempts;
  call.attempt = next_attempt_++;
  balancer::Attempt attempt{.path = PathOf(history_[operation]), .tried_addresses = call.tried};
  call.route = life.router.Pick(attempt, now);
  if (call.route.backend == nullptr && !call.tried.empty()) {
    call.tried.clear();
    attempt.tried_addresses.clear();
    call.route = life.router.Pick(attempt, now);
  }
  if (call.route.backend == nullptr) {
    world_.coverage.Saw(Situation::kBalancerRefused);
    return End(operation,
               ReplyWithout(history_[operation],
                            call.maybe_executed ? Outcome::kAmbiguous : Outcome::kRefused));
  }
  call.active = balancer::ActiveCall(call.route.backend->stats, call.route.method_class, now);
  call.node = NodeAt(call.route.backend->address);
  CheckAlive(call);
  Node& node = *nodes_[call.node];
  const balancer::View& view = *call.route.view;
  const bool to_leader = view.leader && call.route.backend == &view.backends[*view.leader];
  call.to_stale_leader = call.route.method_class == balancer::MethodClass::kWrite && to_leader &&
                         node.Joined() && node.Status()->role != paxos::Role::kLeader;
  if (call.to_stale_leader) world_.coverage.Saw(Situation::kStaleLeaderRouted);
  call.node_life = node.Joined() ? node.life() : 0;
  Wire& wire = wires_[call.node];
  world_.loop.After(DelayOver(wire.stalled_until, wire.last_there),
                    [this, operation, id = call.attempt, at = call.node, life = call.node_life] {
                      Arrive(operation, id, at, life);
                    });
}

// Ejection and views are slow, so a call may still meet a dead node; for how long is bounded.
void Balancer::CheckAlive(const PendingCall& call) {
  constexpr absl::Duration kSlack = absl::Seconds(1);
  const absl::Duration down = world_.loop.now() - life_->seen_up[call.node];
  if (down > balancer::FollowerOptions().silence_limit + kSlack) {
    world_.verdict.Fail(Say("B2: a balancer sends a call to node ", call.node + 1,
                            ", which has been down for ", absl::FormatDuration(down)));
  }
}

// At the node. What was sent over a connection of an earlier life goes nowhere, which the balancer
// learns by DropLostCalls.
void Balancer::Arrive(size_t operation, uint64_t attempt, size_t at, uint64_t node_life) {
  Node& node = *nodes_[at];
  const auto back = [this, at](EventLoop::Action action) {
    if (!running()) return;
    process_.After(DelayOver(wires_[at].stalled_until, wires_[at].last_back), std::move(action));
  };
  if (node_life == 0) {  // connection refused
    back([this, operation, attempt] { AttemptFailed(operation, attempt, /*unprocessed=*/true); });
    return;
  }
  if (!node.Joined() || node.life() != node_life) return;
  node.After(absl::ZeroDuration(), [this, operation, attempt, at, back] {
    Deliver(*nodes_[at], history_, operation, [this, operation, attempt, back](Reply&& reply) {
      back([this, operation, attempt, reply = std::move(reply)]() mutable {
        OnReply(operation, attempt, std::move(reply));
      });
    });
  });
}

void Balancer::OnReply(size_t operation, uint64_t attempt, Reply&& reply) {
  PendingCall* const call = Find(operation, attempt);
  if (call == nullptr) return;
  const bool answered = OutcomeOf(reply) == Outcome::kOk;
  if (answered) life_->budget.OnSuccess();
  if (answered && call->to_stale_leader) world_.coverage.Saw(Situation::kStaleLeaderForwarded);
  call->active.Finish(answered ? balancer::CallResult::kAnswered : balancer::CallResult::kFailed,
                      world_.loop.now());
  End(operation, std::move(reply));
}

void Balancer::AttemptFailed(size_t operation, uint64_t attempt, bool unprocessed) {
  PendingCall* const call = Find(operation, attempt);
  if (call == nullptr) return;
  const bool blamed = !Planted(Plant::kKeepDeadBackends);
  call->active.Finish(blamed ? balancer::CallResult::kFailed : balancer::CallResult::kAnswered,
                      world_.loop.now());
  if (!unprocessed && !Planted(Plant::kDenyLostWrites)) call->maybe_executed = true;
  const bool idempotent = balancer::IsIdempotent(PathOf(history_[operation]));
  const balancer::FailedAttempt failed{
      .unprocessed = unprocessed,
      .idempotent = idempotent || Planted(Plant::kReplayUnknownWrites),
      .repeatable = true,
      .attempts = call->attempts,
      .backends = call->route.view->backends.size()};
  if (!balancer::MayReplay(failed, life_->budget)) {
    if (!unprocessed && !idempotent) world_.coverage.Saw(Situation::kLostWriteNotReplayed);
    return End(operation,
               ReplyWithout(history_[operation],
                            call->maybe_executed ? Outcome::kAmbiguous : Outcome::kRefused));
  }
  world_.coverage.Saw(unprocessed ? Situation::kRefusedCallReplayed : Situation::kLostReadReplayed);
  call->tried.push_back(call->route.backend->address);
  StartAttempt(operation);
}

// Their connection broke when the process at its other end died.
void Balancer::DropLostCalls() {
  std::vector<std::pair<size_t, uint64_t>> lost;
  for (const auto& [operation, call] : life_->calls) {
    const Node& node = *nodes_[call.node];
    const bool connected = node.running() && node.life() == call.node_life;
    const bool stalled = wires_[call.node].stalled_until > world_.loop.now();
    if (call.node_life != 0 && !connected && !stalled) lost.emplace_back(operation, call.attempt);
  }
  for (const auto& [operation, attempt] : lost) {
    AttemptFailed(operation, attempt, /*unprocessed=*/false);
  }
}

}  // namespace synod::sim
