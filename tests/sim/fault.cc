#include "tests/sim/fault.h"

#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/sim/world.h"

namespace synod::sim {
namespace {

// In the order of Fault.
constexpr std::array<const char*, kFaults> kNames = {
    "kill",           "power-loss",  "blackout",     "pause",         "clock-jump",
    "slow-disk",      "disk-errors", "disk-full",    "damage",        "wipe",
    "lose-engine",    "add-member",  "promote",      "remove-member", "hand-over",
    "partition",      "one-way-cut", "partial-cut",  "isolate",       "bridge",
    "chain",          "clog",        "swizzle",      "storm",         "balancer-crash",
    "balancer-stall", "stale-views", "damage-state", "crash-install", "damage-snapshot"};

bool NeedsFrailty(Fault fault) {
  return (fault >= Fault::kDamage && fault <= Fault::kLoseEngine) || fault == Fault::kDamageState ||
         fault == Fault::kDamageSnapshot;
}

// A frail node, if there is one.
NodeId PickFrail(uint64_t frail, uint64_t nodes, Random& random) {
  const uint64_t first = random.Below(nodes);
  for (uint64_t i = 0; i < nodes; ++i) {
    const uint64_t node = (first + i) % nodes + 1;
    if ((frail >> node & 1) != 0) return NodeId(node);
  }
  return NodeId();
}

bool NeedsLinks(Fault fault) {
  return fault >= Fault::kPartition && fault <= Fault::kStorm;
}

std::vector<Fault> Choices(const ScheduleOptions& options) {
  std::vector<Fault> choices;
  for (int i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (options.Allows(fault) && (!NeedsLinks(fault) || options.nodes > 1) &&
        (!NeedsFrailty(fault) || options.frail != 0)) {
      choices.push_back(fault);
    }
  }
  return choices;
}

bool ParseField(absl::string_view word, PlannedFault& fault) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  if (parts.first == "lasts") return absl::ParseDuration(parts.second, &fault.lasts);
  uint64_t number = 0;
  if (!absl::SimpleAtoi(parts.second, &number)) return false;
  if (parts.first == "node") {
    fault.node = NodeId(number);
  } else if (parts.first == "other") {
    fault.other = NodeId(number);
  } else if (parts.first == "draw") {
    fault.draw = number;
  } else {
    return false;
  }
  return true;
}

bool ParseLine(absl::string_view line, PlannedFault& fault) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (words.size() < 2 || !absl::ParseDuration(words[0], &fault.at)) return false;
  int kind = 0;
  while (kind < kFaults && words[1] != kNames[static_cast<size_t>(kind)]) ++kind;
  if (kind == kFaults) return false;
  fault.fault = static_cast<Fault>(kind);
  for (size_t i = 2; i < words.size(); ++i) {
    if (!ParseField(words[i], fault)) return false;
  }
  return true;
}

}  // namespace

absl::string_view NameOf(Fault fault) {
  return kNames[static_cast<size_t>(fault)];
}

Schedule DrawSchedule(const ScheduleOptions& options, Random random) {
  Schedule schedule;
  const std::vector<Fault> choices = Choices(options);
  if (choices.empty()) return schedule;
  const auto nodes = static_cast<uint64_t>(options.nodes);
  absl::Duration at = DrawDuration(random, options.interval);
  while (at < options.length) {
    PlannedFault& fault = schedule.emplace_back();
    fault.at = at;
    fault.fault = choices[random.Below(choices.size())];
    fault.lasts = DrawDuration(random, options.duration);
    const uint64_t node = random.Below(nodes);
    fault.node = NodeId(node + 1);
    if (nodes > 1) fault.other = NodeId((node + random.Between(1, nodes - 1)) % nodes + 1);
    if (NeedsFrailty(fault.fault)) fault.node = PickFrail(options.frail, nodes, random);
    fault.draw = random.Next();
    at += DrawDuration(random, options.interval);
  }
  return schedule;
}

std::string FormatSchedule(const Schedule& schedule) {
  std::string text;
  for (const PlannedFault& fault : schedule) {
    absl::StrAppend(&text, absl::FormatDuration(fault.at), " ", NameOf(fault.fault),
                    " node=", fault.node.value(), " other=", fault.other.value(),
                    " lasts=", absl::FormatDuration(fault.lasts), " draw=", fault.draw, "\n");
  }
  return text;
}

absl::StatusOr<Schedule> ParseSchedule(absl::string_view text) {
  Schedule schedule;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    PlannedFault fault;
    if (!ParseLine(line, fault)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "schedule, line ", number, ": '", line,
          "' is not 'TIME FAULT node=N other=N lasts=TIME draw=N' with a fault of fault.h"));
    }
    schedule.push_back(fault);
  }
  return schedule;
}

}  // namespace synod::sim
