#include "tests/sim/sweep.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

// What the signal handler prints: written before each run, by the thread that runs it.
thread_local char current_replay[128] = "";

extern "C" void PrintReplay(int signal) {
  size_t length = 0;
  while (current_replay[length] != '\0') ++length;
  // As a shell tells it, and without a core: the replay says more.
  if (write(STDERR_FILENO, current_replay, length) < 0) _exit(1);
  _exit(128 + signal);
}

absl::string_view NameOf(Plant plant) {
  for (const PlantInfo& info : Plants()) {
    if (info.plant == plant) return info.name;
  }
  return "";
}

absl::Duration ThreadCpuTime() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

void Add(SweepTotals& totals, const RunResult& result) {
  ++totals.runs;
  totals.events += result.events;
  totals.faults += result.faults;
  totals.disturbed += result.disturbed;
  totals.elections += result.elections;
  totals.chosen_slots += result.chosen_slots;
  totals.operations += result.operations;
  totals.succeeded += result.succeeded;
  totals.searched += result.search == SearchOutcome::kLinearizable ? 1 : 0;
  totals.gave_up += result.search == SearchOutcome::kGaveUp ? 1 : 0;
  totals.stillborn += result.stillborn ? 1 : 0;
  totals.waited_for_snapshots += result.waited_for_snapshots ? 1 : 0;
  totals.simulated += result.simulated;
  totals.coverage.Add(result.coverage);
  if (result.leader_timeouts > totals.slowest_leader) {
    totals.slowest_leader = result.leader_timeouts;
    totals.slowest_leader_seed = result.seed;
  }
  if (result.recovery_timeouts > totals.slowest_recovery) {
    totals.slowest_recovery = result.recovery_timeouts;
    totals.slowest_recovery_seed = result.seed;
  }
  if (result.failure.empty()) return;
  ++totals.failures;
  if (totals.first_failing_seed == 0 || result.seed < totals.first_failing_seed) {
    totals.first_failing_seed = result.seed;
    totals.first_failure = result.failure;
  }
}

// Hands out seeds and gathers results for the threads of one sweep.
class Progress {
 public:
  Progress(const SweepOptions& options, const std::function<void(const RunResult&)>& on_failure)
      : options_(options), on_failure_(on_failure), next_(options.first) {}

  void Work() {
    for (uint64_t seed = Next(); seed != 0; seed = Next()) {
      NameRun(seed, options_.plant);
      const RunSpec spec{seed, options_.plant, std::nullopt};
      const absl::Duration start = ThreadCpuTime();
      RunResult result = Run(spec, nullptr);
      const absl::Duration cpu = ThreadCpuTime() - start;
      const bool repeat = seed % options_.repeat_every == 0;
      if (repeat && result.failure.empty() && Run(spec, nullptr).trace_hash != result.trace_hash) {
        result.failure = "D1: the same seed gave another trace";
      }
      Finish(result, cpu, repeat);
    }
  }

  SweepTotals totals() const {
    absl::MutexLock lock(&mutex_);
    return totals_;
  }

 private:
  // 0 when there is nothing left to do.
  uint64_t Next() {
    absl::MutexLock lock(&mutex_);
    const bool stop = options_.stop_at_failure && totals_.failures > 0;
    return stop || next_ > options_.last ? 0 : next_++;
  }

  void Finish(const RunResult& result, absl::Duration cpu, bool repeated) {
    absl::MutexLock lock(&mutex_);
    Add(totals_, result);
    totals_.cpu += cpu;
    totals_.repeated += repeated ? 1 : 0;
    if (!result.failure.empty()) on_failure_(result);
  }

  const SweepOptions& options_;
  const std::function<void(const RunResult&)>& on_failure_;
  mutable absl::Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_);
  SweepTotals totals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::string ReplayCommand(uint64_t seed, Plant plant) {
  std::string command = Say("synod-sim --seed ", seed);
  if (plant != Plant::kNone) command += Say(" --plant ", NameOf(plant));
  return command;
}

void NameRun(uint64_t seed, Plant plant) {
  std::snprintf(current_replay, sizeof current_replay, "crashed; replay: %s\n",
                ReplayCommand(seed, plant).c_str());
}

void NameSeedOnAbort() {
  std::signal(SIGABRT, PrintReplay);
  std::signal(SIGSEGV, PrintReplay);
}

SweepTotals Sweep(const SweepOptions& options,
                  const std::function<void(const RunResult&)>& on_failure) {
  Progress progress(options, on_failure);
  std::vector<std::thread> threads;
  for (int i = 1; i < options.jobs; ++i) threads.emplace_back([&progress] { progress.Work(); });
  progress.Work();
  for (std::thread& thread : threads) thread.join();
  return progress.totals();
}

}  // namespace synod::sim
