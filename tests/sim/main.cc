// synod-sim: runs simulated clusters by seed. See docs/testing.md.
#include <malloc.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/config/flags.h"
#include "tests/sim/exit_codes.h"
#include "tests/sim/plant.h"
#include "tests/sim/plant_table.h"
#include "tests/sim/run.h"
#include "tests/sim/say.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sweep.h"

namespace {

using synod::sim::kBadArguments;
using synod::sim::kClean;
using synod::sim::kRuleBroken;
using synod::sim::Plant;
using synod::sim::RunResult;
using synod::sim::RunSpec;
using synod::sim::Say;
using synod::sim::Schedule;

constexpr int kMaxShrinkRuns = 2000;
constexpr uint64_t kMaxPlantSeeds = 2000;

int Complain(absl::string_view what) {
  std::cerr << "synod-sim: " << what << "\n";
  return kBadArguments;
}

void PrintFailure(const RunResult& result, Plant plant) {
  std::cout << "seed " << result.seed << " FAILED: " << result.failure
            << "\n  replay: " << synod::sim::ReplayCommand(result.seed, plant) << " --trace"
            << "\n  shrink: " << synod::sim::ReplayCommand(result.seed, plant) << " --shrink"
            << std::endl;
}

int RunOne(const RunSpec& spec, bool trace) {
  synod::sim::NameRun(spec.seed, spec.plant);
  const RunResult result = synod::sim::Run(spec, trace ? &std::cout : nullptr);
  std::cout << "seed " << spec.seed << ": trace_hash=" << std::hex << result.trace_hash << std::dec
            << " events=" << result.events
            << " simulated=" << absl::FormatDuration(result.simulated)
            << " faults=" << result.faults << " messages_disturbed=" << result.disturbed
            << " elections=" << result.elections << " chosen_slots=" << result.chosen_slots
            << " operations=" << result.operations << " succeeded=" << result.succeeded
            << " leader=" << result.leader_timeouts << " recovery=" << result.recovery_timeouts
            << "\n";
  if (result.failure.empty()) return kClean;
  PrintFailure(result, spec.plant);
  return kRuleBroken;
}

// Prints the shortest schedule found; save it and give it to --schedule.
int ShrinkOne(const RunSpec& spec) {
  const std::string rule = synod::sim::RunApart(spec);
  if (rule.empty()) return Complain(Say("seed ", spec.seed, " does not fail"));
  const Schedule whole = spec.schedule ? *spec.schedule : synod::sim::ScheduleOf(spec.seed);
  const Schedule least = synod::sim::Shrink(whole, kMaxShrinkRuns, [&](const Schedule& schedule) {
    return synod::sim::RunApart({spec.seed, spec.plant, schedule}) == rule;
  });
  std::cout << "# " << least.size() << " of " << whole.size() << " faults still break " << rule
            << "; replay: " << synod::sim::ReplayCommand(spec.seed, spec.plant)
            << " --schedule FILE\n"
            << synod::sim::FormatSchedule(least);
  return kRuleBroken;
}

absl::StatusOr<Schedule> ReadSchedule(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(Say("cannot read ", path));
  std::ostringstream text;
  text << file.rdbuf();
  return synod::sim::ParseSchedule(text.str());
}

void PrintTotals(const synod::sim::SweepTotals& totals, double real, int jobs) {
  const double simulated = absl::ToDoubleSeconds(totals.simulated);
  const double cpu = absl::ToDoubleSeconds(totals.cpu);
  std::cout << absl::StrFormat(
      "%d runs, %d failed, %d run twice; %.0f s simulated in %.1f s (%.0f simulated seconds per "
      "real second, %d threads; %.1f simulated hours per CPU minute)\n"
      "faults %d (%.1f a run), messages disturbed %d, elections %d, chosen slots %d, events %d\n"
      "operations %d, succeeded %d; short histories searched %d, given up %d\n"
      "clusters whose founders were wiped too early to ever vote, of which nothing was asked: %d\n"
      "a healed majority had a leader within %.1f election timeouts (seed %d), and writes through "
      "every node within %.1f (seed %d); not counted what %d of them waited for snapshots before "
      "they could vote\n",
      totals.runs, totals.failures, totals.repeated, simulated, real, simulated / real, jobs,
      simulated / 60 / cpu, totals.faults,
      static_cast<double>(totals.faults) / static_cast<double>(totals.runs), totals.disturbed,
      totals.elections, totals.chosen_slots, totals.events, totals.operations, totals.succeeded,
      totals.searched, totals.gave_up, totals.stillborn, totals.slowest_leader,
      totals.slowest_leader_seed, totals.slowest_recovery, totals.slowest_recovery_seed,
      totals.waited_for_snapshots);
}

int RunMany(const synod::sim::SweepOptions& options, bool coverage) {
  const auto start = std::chrono::steady_clock::now();
  const synod::sim::SweepTotals totals = synod::sim::Sweep(
      options, [&options](const RunResult& result) { PrintFailure(result, options.plant); });
  const std::chrono::duration<double> real = std::chrono::steady_clock::now() - start;
  PrintTotals(totals, real.count(), options.jobs);
  if (totals.failures > 0) return kRuleBroken;
  if (!coverage) return kClean;
  std::cout << totals.coverage.Table();
  const std::string missing = totals.coverage.Missing();
  if (missing.empty()) return kClean;
  std::cout << "NEVER SEEN: " << missing << "\n";
  return kRuleBroken;
}

// Runs make and drop large strings all the time; to have the pages from the kernel each time anew
// costs more than the rest of it.
void KeepMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
}

int ListPlants() {
  for (const synod::sim::PlantInfo& info : synod::sim::Plants()) {
    std::cout << info.name << ": " << info.what << "\n";
  }
  return kClean;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t seed = 0;
  std::string seeds;
  int jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string plant_name;
  std::string schedule_file;
  bool trace = false;
  bool shrink = false;
  bool coverage = false;
  bool list_plants = false;
  bool plants = false;
  synod::sim::SweepOptions options;
  synod::Flags flags("synod-sim", "SYNOD_SIM", "Runs whole simulated clusters, each from a seed.");
  flags.Add("seed", &seed, "Run this one seed (1 or more)");
  flags.Add("seeds", &seeds, "Run all seeds of a range, as 1-1000");
  flags.Add("jobs", &jobs, "Threads of a sweep; each run has one");
  flags.Add("plant", &plant_name, "Break this rule on purpose (see --list-plants)");
  flags.Add("trace", &trace, "With --seed: print every event");
  flags.Add("shrink", &shrink, "With --seed: print the fewest faults with which it still fails");
  flags.Add("schedule", &schedule_file, "With --seed: take the faults from this file");
  flags.Add("coverage", &coverage,
            "With --seeds: count the situations reached, and fail when one never was");
  flags.Add("until-failure", &options.stop_at_failure, "With --seeds: stop at the first failure");
  flags.Add("list-plants", &list_plants, "List the bugs that can be planted");
  flags.Add("plants", &plants,
            "Plant each bug in turn and tell how soon it is caught; takes some minutes");
  const auto outcome = flags.Parse(argc, argv, synod::ProcessEnvironment());
  if (!outcome.ok()) return Complain(Say(outcome.status().message()));
  if (*outcome != synod::FlagsOutcome::kRun) return kClean;
  if (list_plants) return ListPlants();
  if (plants) return synod::sim::PrintPlantTable(kMaxPlantSeeds, std::cout) ? kClean : kRuleBroken;

  options.jobs = jobs;
  if (!plant_name.empty()) {
    const auto plant = synod::sim::FindPlant(plant_name);
    if (!plant) return Complain(Say("no plant '", plant_name, "'; see synod-sim --list-plants"));
    options.plant = *plant;
  }
  if ((seed > 0) == !seeds.empty())
    return Complain("give either --seed N or --seeds A-B, N from 1");
  synod::sim::NameSeedOnAbort();
  KeepMemory();
  if (seed > 0) {
    RunSpec spec{static_cast<uint64_t>(seed), options.plant, std::nullopt};
    if (!schedule_file.empty()) {
      auto schedule = ReadSchedule(schedule_file);
      if (!schedule.ok()) return Complain(Say("--schedule: ", schedule.status().message()));
      spec.schedule = *std::move(schedule);
    }
    return shrink ? ShrinkOne(spec) : RunOne(spec, trace);
  }
  const std::pair<std::string, std::string> range = absl::StrSplit(seeds, absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(range.first, &options.first) ||
      !absl::SimpleAtoi(range.second, &options.last) || options.first == 0 ||
      options.first > options.last || jobs < 1) {
    return Complain(Say("--seeds '", seeds, "' is not a range like 1-1000, or --jobs is below 1"));
  }
  return RunMany(options, coverage);
}
