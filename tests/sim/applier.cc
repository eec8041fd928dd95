#include "tests/sim/applier.h"

#include <algorithm>
#include <utility>

#include "tests/sim/say.h"

namespace synod::sim {

Applier::Applier(World& world, Process& process, storage::Engine& engine, kv::StateMachine& machine,
                 ApplierOptions options, Random random, Hooks hooks)
    : world_(world),
      process_(process),
      engine_(engine),
      machine_(machine),
      options_(options),
      random_(random),
      hooks_(std::move(hooks)) {}

void Applier::Push(std::vector<paxos::ChosenValue> chosen) {
  for (paxos::ChosenValue& value : chosen) waiting_.push_back(std::move(value));
  if (!busy_ && !waiting_.empty()) Schedule();
}

void Applier::Schedule() {
  busy_ = true;
  process_.After(DrawDuration(random_, options_.latency), [this] { ApplySome(); });
}

void Applier::ApplySome() {
  std::vector<paxos::ChosenValue> values;
  std::vector<kv::SlotCommands> slots;
  while (!waiting_.empty() && values.size() < options_.max_slots) {
    values.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    kv::SlotCommands& commands = slots.emplace_back();
    commands.slot = values.back().slot;
    for (const paxos::CommandView& command : values.back().value.Commands()) {
      commands.commands.push_back(command.payload);
    }
  }
  const auto results = machine_.Apply(slots);
  if (!results.ok()) {
    world_.verdict.Fail(Say("the state machine stopped: ", results.status().ToString()));
    return;
  }
  Report(values, *results);
  busy_ = false;
  if (!waiting_.empty()) Schedule();
}

void Applier::Report(const std::vector<paxos::ChosenValue>& values,
                     const std::vector<kv::Result>& results) {
  absl::Span<const kv::Result> rest(results);
  for (const paxos::ChosenValue& value : values) {
    const size_t count = value.value.Commands().size();
    if (count > rest.size()) {
      world_.verdict.Fail(Say("slot ", value.slot, " has fewer results than commands"));
      return;
    }
    hooks_.applied(value, rest.subspan(0, count));
    rest.remove_prefix(count);
  }
  absl::Status flushed;
  if (random_.Chance(options_.flush_chance)) flushed = engine_.Flush();
  const auto durable = machine_.DurableApplied();
  if (!flushed.ok() || !durable.ok()) {
    world_.verdict.Fail("the engine refused a flush");
    return;
  }
  hooks_.progressed(values.back().slot, *durable);
}

}  // namespace synod::sim
