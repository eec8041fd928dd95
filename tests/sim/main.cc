// synod-sim: runs simulated clusters by seed. See docs/testing.md.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/config/flags.h"
#include "tests/sim/plant.h"
#include "tests/sim/run.h"
#include "tests/sim/say.h"
#include "tests/sim/sweep.h"

namespace {

using synod::sim::Plant;
using synod::sim::RunResult;
using synod::sim::Say;

constexpr int kClean = 0;
constexpr int kRuleBroken = 1;
constexpr int kBadArguments = 2;

int Complain(absl::string_view what) {
  std::cerr << "synod-sim: " << what << "\n";
  return kBadArguments;
}

void PrintFailure(const RunResult& result, Plant plant) {
  std::cout << "seed " << result.seed << " FAILED: " << result.failure
            << "\n  replay: " << synod::sim::ReplayCommand(result.seed, plant) << " --trace"
            << std::endl;
}

int RunOne(uint64_t seed, Plant plant, bool trace) {
  const RunResult result = synod::sim::Run(seed, plant, trace ? &std::cout : nullptr);
  std::cout << "seed " << seed << ": trace_hash=" << std::hex << result.trace_hash << std::dec
            << " events=" << result.events
            << " simulated=" << absl::FormatDuration(result.simulated)
            << " faults=" << result.faults << " messages_disturbed=" << result.disturbed
            << " elections=" << result.elections << " chosen_slots=" << result.chosen_slots
            << " operations=" << result.operations << " succeeded=" << result.succeeded << "\n";
  if (result.failure.empty()) return kClean;
  PrintFailure(result, plant);
  return kRuleBroken;
}

int RunMany(const synod::sim::SweepOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const synod::sim::SweepTotals totals = synod::sim::Sweep(
      options, [&options](const RunResult& result) { PrintFailure(result, options.plant); });
  const std::chrono::duration<double> real = std::chrono::steady_clock::now() - start;
  const double simulated = absl::ToDoubleSeconds(totals.simulated);
  std::printf(
      "%llu runs, %llu failed; %.0f s simulated in %.1f s (%.0f simulated seconds per real second, "
      "%d threads)\n"
      "faults %llu, messages disturbed %llu, elections %llu, chosen slots %llu, events %llu\n"
      "operations %llu, succeeded %llu; slowest recovery of a healed majority %.1f election "
      "timeouts (seed %llu)\n",
      static_cast<unsigned long long>(totals.runs),
      static_cast<unsigned long long>(totals.failures), simulated, real.count(),
      simulated / real.count(), options.jobs, static_cast<unsigned long long>(totals.faults),
      static_cast<unsigned long long>(totals.disturbed),
      static_cast<unsigned long long>(totals.elections),
      static_cast<unsigned long long>(totals.chosen_slots),
      static_cast<unsigned long long>(totals.events),
      static_cast<unsigned long long>(totals.operations),
      static_cast<unsigned long long>(totals.succeeded), totals.slowest_recovery,
      static_cast<unsigned long long>(totals.slowest_recovery_seed));
  return totals.failures == 0 ? kClean : kRuleBroken;
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
  bool trace = false;
  bool list_plants = false;
  synod::Flags flags("synod-sim", "SYNOD_SIM", "Runs whole simulated clusters, each from a seed.");
  flags.Add("seed", &seed, "Run this one seed (1 or more)");
  flags.Add("seeds", &seeds, "Run all seeds of a range, as 1-1000");
  flags.Add("jobs", &jobs, "Threads of a sweep; each run has one");
  flags.Add("plant", &plant_name, "Break this rule on purpose (see --list-plants)");
  flags.Add("trace", &trace, "With --seed: print every event");
  flags.Add("list-plants", &list_plants, "List the bugs that can be planted");
  const auto outcome = flags.Parse(argc, argv, synod::ProcessEnvironment());
  if (!outcome.ok()) return Complain(Say(outcome.status().message()));
  if (*outcome != synod::FlagsOutcome::kRun) return kClean;
  if (list_plants) return ListPlants();

  synod::sim::SweepOptions options;
  options.jobs = jobs;
  if (!plant_name.empty()) {
    const auto plant = synod::sim::FindPlant(plant_name);
    if (!plant) return Complain(Say("no plant '", plant_name, "'; see synod-sim --list-plants"));
    options.plant = *plant;
  }
  if ((seed > 0) == !seeds.empty())
    return Complain("give either --seed N or --seeds A-B, N from 1");
  synod::sim::NameSeedOnAbort();
  if (seed > 0) return RunOne(static_cast<uint64_t>(seed), options.plant, trace);
  const std::pair<std::string, std::string> range = absl::StrSplit(seeds, absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(range.first, &options.first) ||
      !absl::SimpleAtoi(range.second, &options.last) || options.first == 0 ||
      options.first > options.last || jobs < 1) {
    return Complain(Say("--seeds '", seeds, "' is not a range like 1-1000, or --jobs is below 1"));
  }
  return RunMany(options);
}
