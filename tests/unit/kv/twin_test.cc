// Random histories on the real store and on its twin: every result and every read must be equal,
// whatever the cache, the grouping of slots, the flushes, crashes and replays.
#include "tests/unit/kv/twin.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "services/kv/command.h"
#include "services/kv/state_machine.h"
#include "tests/unit/kv/random_requests.h"
#include "tests/unit/kv/store.h"
#include "tests/unit/kv/text.h"

namespace synod::kv {
namespace {

// Everything decided so far, and what each command must answer.
struct Log {
  std::vector<std::vector<std::string>> slots;  // slots[i]: the commands of slot i + 1
  std::vector<std::vector<std::string>> results;
};

// One replica: applies the log at its own pace.
class Replica {
 public:
  Replica(size_t cache_bytes, Random random) : store_(cache_bytes), random_(random) {}

  // In groups of random size, starting at random below what is applied already.
  void CatchUp(const Log& log) {
    while (applied() < log.slots.size()) {
      const size_t first = applied() - random_.Below(std::min<size_t>(applied(), 3) + 1);
      const size_t last = applied() + 1 + random_.Below(log.slots.size() - applied());
      std::vector<SlotCommands> slots;
      std::vector<std::string> expected;
      for (size_t i = first; i < last; ++i) {
        slots.push_back({Slot(i + 1), {log.slots[i].begin(), log.slots[i].end()}});
        if (i >= applied()) {
          expected.insert(expected.end(), log.results[i].begin(), log.results[i].end());
        }
      }
      const auto results = store_.machine().Apply(slots);
      ASSERT_TRUE(results.ok()) << results.status();
      ASSERT_EQ(results->size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(Text((*results)[i]), expected[i]);
    }
  }

  void Misbehave() {
    if (random_.Chance(0.2)) {
      ASSERT_TRUE(store_.engine().Flush().ok());
    }
    if (random_.Chance(0.2)) {
      ASSERT_TRUE(store_.machine().DurableApplied().ok());
    }
    if (random_.Chance(0.05)) store_.Reopen();
  }

  StateMachine& machine() { return store_.machine(); }

 private:
  size_t applied() { return static_cast<size_t>(store_.machine().applied().value()); }

  Store store_;
  Random random_;
};

class TwinTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void Decide() {
    auto& commands = log_.slots.emplace_back();
    auto& results = log_.results.emplace_back();
    for (uint64_t i = random_.Below(4); i > 0; --i) {
      const Request request = requests_.Command(twin_.revision());
      commands.push_back(EncodeCommand(request));
      results.push_back(Text(twin_.Apply(request)));
    }
  }

  void CompareReads(const ReadView& view) {
    ASSERT_EQ(view.revision(), twin_.revision());
    ASSERT_EQ(view.compact_revision(), twin_.floor());
    ASSERT_EQ(view.applied().value(), log_.slots.size());
    for (int i = 0; i < 6; ++i) {
      const RangeRequest range = requests_.Range(twin_.revision());
      ASSERT_EQ(Text(view.Range(range)), Text(twin_.Range(range)));
    }
    ASSERT_EQ(Text(view.Alarms(AlarmType::kNone)), Text(twin_.AllAlarms()));
    const TxnRequest txn = requests_.ReadOnlyTxn(twin_.revision());
    ASSERT_EQ(Text(view.Txn(txn)), Text(twin_.ReadOnlyTxn(txn)));
  }

  // Every revision that can be read, whole.
  void CompareAll(const ReadView& view) {
    for (Revision at = std::max<Revision>(1, twin_.floor()); at <= twin_.revision(); ++at) {
      const RangeRequest all{.key = FromKey(), .range_end = FromKey(), .revision = at};
      ASSERT_EQ(Text(view.Range(all)), Text(twin_.Range(all))) << "at revision " << at;
    }
  }

  // A view may outlive a compaction: it then answers as before, or that it no longer can.
  void CompareOldView(const ReadView& view, const Twin& twin) {
    for (Revision at = std::max<Revision>(1, twin.floor()); at <= twin.revision(); ++at) {
      const RangeRequest all{.key = FromKey(), .range_end = FromKey(), .revision = at};
      const auto result = view.Range(all);
      if (result.error == Error::kCompacted) continue;
      ASSERT_EQ(Text(result), Text(twin.Range(all))) << "at revision " << at;
    }
  }

  Random random_{GetParam()};
  RandomRequests requests_{random_.Fork()};
  Twin twin_;
  Log log_;
};

TEST_P(TwinTest, EveryResultAndReadIsTheTwins) {
  Replica replicas[] = {Replica(0, random_.Fork()), Replica(700, random_.Fork()),
                        Replica(1 << 20, random_.Fork())};
  std::shared_ptr<const ReadView> old_view = replicas[0].machine().View();
  Twin old_twin = twin_;
  for (int step = 0; step < 120; ++step) {
    for (uint64_t i = random_.Below(4); i > 0; --i) ASSERT_NO_FATAL_FAILURE(Decide());
    for (Replica& replica : replicas) {
      ASSERT_NO_FATAL_FAILURE(replica.Misbehave());
      ASSERT_NO_FATAL_FAILURE(replica.CatchUp(log_)) << "step " << step;
      ASSERT_NO_FATAL_FAILURE(CompareReads(*replica.machine().View())) << "step " << step;
    }
    if (random_.Chance(0.1)) {
      ASSERT_NO_FATAL_FAILURE(CompareOldView(*old_view, old_twin));
      old_view = replicas[step % 3].machine().View();
      old_twin = twin_;
    }
    const auto hash = replicas[0].machine().Hash();
    ASSERT_TRUE(hash.ok()) << hash.status();
    ASSERT_EQ(*hash, *replicas[1].machine().Hash()) << "step " << step;
    ASSERT_EQ(*hash, *replicas[2].machine().Hash()) << "step " << step;
  }
  for (Replica& replica : replicas) ASSERT_NO_FATAL_FAILURE(CompareAll(*replica.machine().View()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, TwinTest, ::testing::Range<uint64_t>(1, 61));

}  // namespace
}  // namespace synod::kv
