#include "tests/sim/applier.h"

#include <algorithm>
#include <utility>

#include "tests/sim/say.h"

namespace synod::sim {
namespace {

// What the state machine gets to see of a value.
std::vector<absl::string_view> Requests(const paxos::Value& value) {
  std::vector<absl::string_view> requests;
  if (value.kind() == paxos::Value::Kind::kConfiguration) return requests;
  for (const paxos::CommandView& command : value.Commands()) requests.push_back(command.payload);
  return requests;
}

}  // namespace

Applier::Applier(World& world, Process& process, State state, ApplierOptions options, Random random,
                 Hooks hooks)
    : world_(world),
      process_(process),
      state_(std::move(state)),
      options_(options),
      random_(random),
      hooks_(std::move(hooks)) {}

void Applier::Push(std::vector<paxos::ChosenValue> chosen) {
  for (paxos::ChosenValue& value : chosen) {
    // The core may hand out what a snapshot held before it has heard of that.
    if (value.slot > state_.machine->applied()) waiting_.push_back(std::move(value));
  }
  ScheduleIfDue();
}

void Applier::Replace(State state) {
  state_ = std::move(state);
  while (!waiting_.empty() && waiting_.front().slot <= state_.machine->applied()) {
    waiting_.pop_front();
  }
  held_ = false;
  ScheduleIfDue();
}

void Applier::ScheduleIfDue() {
  if (busy_ || held_ || waiting_.empty()) return;
  busy_ = true;
  process_.After(DrawDuration(random_, options_.latency), [this] { ApplySome(); });
}

void Applier::ApplySome() {
  if (held_) {
    busy_ = false;
    return;
  }
  std::vector<paxos::ChosenValue> values;
  std::vector<kv::SlotCommands> slots;
  std::deque<std::string> configurations;  // whose addresses stay
  while (!waiting_.empty() && values.size() < options_.max_slots) {
    values.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    kv::SlotCommands& commands = slots.emplace_back();
    commands.slot = values.back().slot;
    const bool changed =
        state_.configurations.Choose(commands.slot, values.back().value, options_.window);
    // Also the first ones, for those who will know nothing but a snapshot.
    if (changed || (slots.size() == 1 && state_.machine->configurations().empty())) {
      commands.configurations = configurations.emplace_back(state_.configurations.Encode());
    }
    for (const absl::string_view payload : Requests(values.back().value)) {
      commands.commands.push_back(payload);
    }
  }
  if (values.empty()) {  // a snapshot held them all
    busy_ = false;
    return;
  }
  const auto results = state_.machine->Apply(slots);
  if (!results.ok()) {
    world_.verdict.Fail(Say("the state machine stopped: ", results.status().ToString()));
    return;
  }
  Report(values, *results);
  busy_ = false;
  ScheduleIfDue();
}

void Applier::Report(const std::vector<paxos::ChosenValue>& values,
                     const std::vector<kv::Result>& results) {
  absl::Span<const kv::Result> rest(results);
  for (const paxos::ChosenValue& value : values) {
    const size_t count = Requests(value.value).size();
    if (count > rest.size()) {
      world_.verdict.Fail(Say("slot ", value.slot, " has fewer results than commands"));
      return;
    }
    hooks_.applied(value, rest.subspan(0, count));
    rest.remove_prefix(count);
  }
  absl::Status flushed;
  if (random_.Chance(options_.flush_chance)) flushed = state_.engine->Flush();
  const auto durable = state_.machine->DurableApplied();
  if (!flushed.ok() || !durable.ok()) {
    world_.verdict.Fail("the engine refused a flush");
    return;
  }
  hooks_.progressed(values.back().slot, *durable);
}

}  // namespace synod::sim
