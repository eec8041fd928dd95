// The apply thread of a simulated node: applies chosen values in order, some at a time, and flushes
// the engine now and then.
#ifndef SYNOD_TESTS_SIM_APPLIER_H_
#define SYNOD_TESTS_SIM_APPLIER_H_

#include <deque>
#include <functional>
#include <vector>

#include "common/random.h"
#include "services/kv/state_machine.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/storage/engine.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct ApplierOptions {
  size_t max_slots = 16;  // in one Apply
  absl::Duration latency = absl::Microseconds(100);
  double flush_chance = 0.05;  // after each Apply
  uint64_t window = 128;       // α: of configurations
};

class Applier {
 public:
  struct Hooks {
    // In slot order, one result per command of the value.
    std::function<void(const paxos::ChosenValue&, absl::Span<const kv::Result>)> applied;
    // Behind the above: everything through `applied`, `durable` of it flushed.
    std::function<void(Slot applied, Slot durable)> progressed;
  };

  // `configurations` are those of the slot that the machine has applied.
  struct State {
    storage::Engine* engine;
    kv::StateMachine* machine;
    paxos::ConfigurationHistory configurations;
  };

  Applier(World& world, Process& process, State state, ApplierOptions options, Random random,
          Hooks hooks);

  void Push(std::vector<paxos::ChosenValue> chosen);
  // Applies nothing until the state is replaced.
  void Hold() { held_ = true; }
  // A snapshot has replaced the state.
  void Replace(State state);

 private:
  void ScheduleIfDue();
  void ApplySome();
  void Report(const std::vector<paxos::ChosenValue>& values,
              const std::vector<kv::Result>& results);

  World& world_;
  Process& process_;
  State state_;
  const ApplierOptions options_;
  Random random_;
  Hooks hooks_;
  bool busy_ = false;
  bool held_ = false;
  std::deque<paxos::ChosenValue> waiting_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_APPLIER_H_
