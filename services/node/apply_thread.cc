#include "services/node/apply_thread.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/check.h"

namespace synod::node {
namespace {

// One engine write holds at most so much, so that answers do not wait for a long replay.
constexpr size_t kMaxBatchSlots = 256;
constexpr size_t kMaxBatchBytes = 1 << 20;

// How often the engine is asked what would survive a crash.
constexpr absl::Duration kCheckInterval = absl::Seconds(1);

size_t CostOf(const paxos::ChosenValue& chosen) {
  return sizeof chosen + chosen.value.bytes().size();
}

}  // namespace

ApplyThread::ApplyThread(Options options, AppliedState* state,
                         paxos::ConfigurationHistory configurations, NodeMetrics* metrics,
                         const Clock* clock, Outlets outlets)
    : options_(options),
      state_(state),
      metrics_(metrics),
      clock_(clock),
      outlets_(std::move(outlets)),
      stall_(clock),
      applied_(state->Get()->machine->applied().value()),
      configurations_(std::move(configurations)),
      durable_(applied()),
      flush_asked_at_(applied()),
      thread_([this] { Run(); }) {}

ApplyThread::~ApplyThread() {
  box_.Close();
  thread_.join();
}

void ApplyThread::Post(std::vector<paxos::ChosenValue> chosen) {
  box_.PostAll(chosen, CostOf);
}

void ApplyThread::Run() {
  std::vector<paxos::ChosenValue> slots;
  while (box_.Take(slots, kCheckInterval)) {
    size_t begin = 0;
    while (begin < slots.size()) {
      size_t end = begin;
      size_t bytes = 0;
      do {
        bytes += CostOf(slots[end++]);
      } while (end < slots.size() && end - begin < kMaxBatchSlots && bytes < kMaxBatchBytes);
      stall_.Begin();
      absl::MutexLock lock(&mutex_);
      if (!Apply(absl::MakeConstSpan(slots).subspan(begin, end - begin))) return;
      box_.Done(bytes);
      bytes_since_flush_ += bytes;
      begin = end;
    }
    stall_.Begin();
    const absl::Duration now = clock_->Monotonic();
    absl::MutexLock lock(&mutex_);
    if (now >= next_check_ && !CheckDurable(now)) return;
    stall_.End();
  }
}

bool ApplyThread::Apply(absl::Span<const paxos::ChosenValue> slots) {
  const absl::Duration start = clock_->Monotonic();
  kv::StateMachine& machine = *state_->Get()->machine;
  const Slot before = machine.applied();
  std::vector<kv::SlotCommands> batch;
  std::vector<paxos::CommandId> ids;  // of the requests, which get a result
  Results results;
  bool configured = machine.configurations().empty();
  batch.reserve(slots.size());
  for (const paxos::ChosenValue& chosen : slots) {
    kv::SlotCommands& commands = batch.emplace_back(kv::SlotCommands{chosen.slot, {}});
    if (chosen.slot <= before) continue;  // part of a snapshot that came in between
    configured = Choose(chosen, results) || configured;
    if (chosen.value.kind() == paxos::Value::Kind::kConfiguration) continue;
    for (const paxos::CommandView& command : chosen.value.Commands()) {
      commands.commands.push_back(command.payload);
      ids.push_back(command.id);
    }
  }
  std::string configurations;
  if (configured) configurations = configurations_.Encode();
  batch.back().configurations = configurations;
  auto answers = machine.Apply(batch);
  if (!answers.ok()) {
    outlets_.fatal("applying chosen commands", answers.status());
    return false;
  }
  SYNOD_CHECK(answers->size() == ids.size())
      << answers->size() << " results for " << ids.size() << " commands";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].origin == options_.self) {
      results.own.push_back({ids[i].sequence, std::move((*answers)[i])});
    }
  }
  const Slot applied = machine.applied();
  applied_.store(applied.value(), std::memory_order_release);
  if (configured) outlets_.configured(configurations_, applied);
  outlets_.applied(applied, std::move(results));

  metrics_->commands_applied.Increment(static_cast<double>(ids.size()));
  metrics_->apply_batch_commands.Observe(static_cast<double>(ids.size()));
  metrics_->apply_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
  return true;
}

bool ApplyThread::Choose(const paxos::ChosenValue& chosen, Results& results) {
  const size_t eras = configurations_.size();
  const bool took_effect = configurations_.Choose(chosen.slot, chosen.value, options_.window);
  if (chosen.value.kind() == paxos::Value::Kind::kConfiguration) {
    const paxos::CommandId id = chosen.value.configuration().id;
    if (id.origin == options_.self && took_effect) {
      results.own.push_back({id.sequence, {}});
    } else if (id.origin == options_.self) {
      results.superseded.push_back(id.sequence);
    }
  }
  return took_effect || configurations_.size() != eras;
}

absl::Status ApplyThread::Install(std::shared_ptr<State> state,
                                  const std::function<absl::Status()>& cut_log) {
  const Slot installed = state->machine->applied();
  auto configurations = paxos::ConfigurationHistory::Parse(state->machine->configurations());
  if (!configurations.ok()) return configurations.status();
  absl::MutexLock lock(&mutex_);
  if (installed <= applied()) {
    return absl::FailedPreconditionError("the state has caught up without the snapshot");
  }
  if (auto status = cut_log(); !status.ok()) return status;
  configurations_ = *std::move(configurations);
  state_->Replace(std::move(state));
  applied_.store(installed.value(), std::memory_order_release);
  durable_ = installed;
  flush_asked_at_ = installed;
  bytes_since_flush_ = 0;
  outlets_.configured(configurations_, installed);
  outlets_.applied(installed, {});
  outlets_.durable(installed);
  return absl::OkStatus();
}

absl::StatusOr<Slot> ApplyThread::Checkpoint(const std::string& dir) {
  const std::shared_ptr<State> state = state_->Get();
  // The bulk of the work before anybody has to wait for it.
  if (auto status = state->engine->Flush(); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  if (auto status = state->engine->Checkpoint(dir); !status.ok()) return status;
  return state->machine->applied();
}

absl::Status ApplyThread::DropHistory() {
  if (auto status = state_->Get()->engine->Flush(); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  return state_->Get()->machine->DurableApplied().status();
}

bool ApplyThread::CheckDurable(absl::Duration now) {
  next_check_ = now + kCheckInterval;
  kv::StateMachine& machine = *state_->Get()->machine;
  const auto durable = machine.DurableApplied();
  if (!durable.ok()) {
    outlets_.fatal("reading the durable state", durable.status());
    return false;
  }
  if (*durable != durable_) {
    durable_ = *durable;
    outlets_.durable(durable_);
  }
  const Slot applied = machine.applied();
  if (applied - std::max(durable_, flush_asked_at_) >= options_.flush_slots ||
      bytes_since_flush_ >= options_.flush_bytes) {
    flush_asked_at_ = applied;
    bytes_since_flush_ = 0;
    outlets_.flush();
  }
  return true;
}

}  // namespace synod::node
