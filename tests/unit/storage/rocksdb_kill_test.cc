// The RocksDB engine in a process that is killed while it writes and flushes in the background.
//
// A program of its own, and one test: RocksDB's threads do not survive a fork, so the parent never
// opens the engine; children write, and children look at what is left.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/random.h"
#include "services/storage/rocksdb_engine.h"
#include "tests/support/temp_dir.h"

namespace synod::storage {
namespace {

constexpr uint64_t kKeys = 50;

std::string HistoryKeyOf(uint64_t applied) {
  return absl::StrFormat("%016x", applied);
}
std::string CurrentKeyOf(uint64_t applied) {
  return absl::StrCat("key", applied % kKeys);
}

// Children report by their exit code alone; what went wrong is on stderr.
void Require(bool condition, absl::string_view what) {
  if (condition) return;
  std::cerr << what << std::endl;
  ::_exit(1);
}

std::unique_ptr<Engine> OpenOrDie(const std::string& dir) {
  auto engine = OpenRocksdbEngine({dir, 1 << 20, 64 << 10});
  Require(engine.ok(), engine.status().message());
  return *std::move(engine);
}

uint64_t AppliedOrZero(const absl::StatusOr<bool>& found, const std::string& value) {
  Require(found.ok(), found.status().message());
  uint64_t applied = 0;
  Require(!*found || absl::SimpleAtoi(value, &applied), value);
  return applied;
}

uint64_t Applied(const Engine& engine) {
  std::string value;
  return AppliedOrZero(engine.Get(Column::kMeta, "applied", &value), value);
}

uint64_t DurableApplied(Engine& engine) {
  std::string value;
  return AppliedOrZero(engine.GetDurableMeta("applied", &value), value);
}

// Exactly the state after batch number `applied`, in every column.
void RequireWhole(const Engine& engine) {
  const uint64_t applied = Applied(engine);
  uint64_t expected = 0;
  const auto history = engine.NewIterator(Column::kHistory, "", "");
  for (history->SeekToFirst(); history->Valid(); history->Next()) {
    Require(history->key() == HistoryKeyOf(++expected), "history has a gap");
  }
  Require(expected == applied, absl::StrCat("history ends at ", expected, ", meta at ", applied));
  for (uint64_t i = applied; i + kKeys > applied && i > 0; --i) {
    std::string value;
    const auto found = engine.Get(Column::kCurrent, CurrentKeyOf(i), &value);
    Require(found.ok() && *found && value.substr(0, value.find(' ')) == absl::StrCat(i),
            absl::StrCat("current is not at ", applied, ": ", value));
  }
}

// Writes for ever, flushing by itself, and reports on `out` what GetDurableMeta says.
void WriteForEver(const std::string& dir, int out) {
  const auto engine = OpenOrDie(dir);
  for (uint64_t applied = Applied(*engine) + 1;; ++applied) {
    const auto batch = engine->NewBatch();
    batch->Put(Column::kMeta, "applied", absl::StrCat(applied));
    batch->Put(Column::kCurrent, CurrentKeyOf(applied),
               absl::StrCat(applied, " ", std::string(400, 'v')));
    batch->Put(Column::kHistory, HistoryKeyOf(applied), std::string(100, 'h'));
    Require(engine->Write(*batch).ok(), "write");
    if (applied % 16 != 0) continue;
    const uint64_t durable = DurableApplied(*engine);
    Require(durable <= applied, "durable beyond what was written");
    Require(::write(out, &durable, sizeof durable) == sizeof durable, "pipe");
  }
}

// The child's process id; `work` ends by _exit.
pid_t Fork(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  return child;
}

TEST(RocksdbKillTest, AKilledProcessLeavesAWholeStateNoOlderThanItsDurableMeta) {
  testing::TempDir temp;
  const std::string dir = temp / "engine";
  Random random(3);
  uint64_t advances = 0;
  for (int life = 0; life < 8; ++life) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t writer = Fork([&] { WriteForEver(dir, pipe[1]); });
    ::close(pipe[1]);
    uint64_t durable = 0;
    for (uint64_t reports = random.Between(10, 150); reports > 0; --reports) {
      uint64_t reported = 0;
      ASSERT_EQ(::read(pipe[0], &reported, sizeof reported), sizeof reported);
      ASSERT_GE(reported, durable) << "durable state went back";
      advances += reported > durable;
      durable = reported;
    }
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    ::close(pipe[0]);

    const pid_t reader = Fork([&] {
      const auto engine = OpenOrDie(dir);
      RequireWhole(*engine);
      Require(Applied(*engine) >= durable, "lost what was said to be durable");
      Require(DurableApplied(*engine) == Applied(*engine), "what was found is not durable");
    });
    ASSERT_EQ(::waitpid(reader, &status, 0), reader);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "life " << life;
  }
  EXPECT_GT(advances, 8) << "no background flush took part";
}

}  // namespace
}  // namespace synod::storage
