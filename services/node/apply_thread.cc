#include "services/node/apply_thread.h"

#include <algorithm>
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

ApplyThread::ApplyThread(Options options, kv::StateMachine* machine, NodeMetrics* metrics,
                         const Clock* clock, Outlets outlets)
    : options_(options),
      machine_(machine),
      metrics_(metrics),
      clock_(clock),
      outlets_(std::move(outlets)),
      applied_(machine->applied().value()),
      durable_(machine->applied()),
      flush_asked_at_(machine->applied()),
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
      if (!Apply(absl::MakeConstSpan(slots).subspan(begin, end - begin))) return;
      box_.Done(bytes);
      bytes_since_flush_ += bytes;
      begin = end;
    }
    const absl::Duration now = clock_->Monotonic();
    if (now >= next_check_ && !CheckDurable(now)) return;
  }
}

bool ApplyThread::Apply(absl::Span<const paxos::ChosenValue> slots) {
  const absl::Duration start = clock_->Monotonic();
  const Slot before = machine_->applied();
  std::vector<kv::SlotCommands> batch;
  std::vector<paxos::CommandId> ids;  // of the commands that get a result
  batch.reserve(slots.size());
  for (const paxos::ChosenValue& chosen : slots) {
    kv::SlotCommands& commands = batch.emplace_back(kv::SlotCommands{chosen.slot, {}});
    for (const paxos::CommandView& command : chosen.value.Commands()) {
      commands.commands.push_back(command.payload);
      if (chosen.slot > before) ids.push_back(command.id);
    }
  }
  auto results = machine_->Apply(batch);
  if (!results.ok()) {
    outlets_.fatal("applying chosen commands", results.status());
    return false;
  }
  SYNOD_CHECK(results->size() == ids.size())
      << results->size() << " results for " << ids.size() << " commands";

  std::vector<PendingTable::Applied> own;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].origin == options_.self) {
      own.push_back({ids[i].sequence, std::move((*results)[i])});
    }
  }
  const Slot applied = machine_->applied();
  applied_.store(applied.value(), std::memory_order_release);
  outlets_.applied(applied, std::move(own));

  metrics_->commands_applied.Increment(static_cast<double>(ids.size()));
  metrics_->apply_batch_commands.Observe(static_cast<double>(ids.size()));
  metrics_->apply_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
  return true;
}

bool ApplyThread::CheckDurable(absl::Duration now) {
  next_check_ = now + kCheckInterval;
  const auto durable = machine_->DurableApplied();
  if (!durable.ok()) {
    outlets_.fatal("reading the durable state", durable.status());
    return false;
  }
  if (*durable != durable_) {
    durable_ = *durable;
    outlets_.durable(durable_);
  }
  const Slot applied = machine_->applied();
  if (applied - std::max(durable_, flush_asked_at_) >= options_.flush_slots ||
      bytes_since_flush_ >= options_.flush_bytes) {
    flush_asked_at_ = applied;
    bytes_since_flush_ = 0;
    outlets_.flush();
  }
  return true;
}

}  // namespace synod::node
