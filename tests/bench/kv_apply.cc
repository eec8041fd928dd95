// What one put costs the state machine: 128-byte values, 100 commands an Apply, on RocksDB.
//
//   kv-apply-bench DIR [KEYS]     DIR must not exist; it is removed at the end. Default 200000
//   keys.
//
// Prints one line per workload: mean microseconds of processor time per put, encoding of the
// command not included; then what reads cost.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/random.h"
#include "services/kv/command.h"
#include "services/kv/state_machine.h"
#include "services/storage/rocksdb_engine.h"

namespace synod::kv {
namespace {

constexpr size_t kBatch = 100;
constexpr size_t kValueBytes = 128;

// Of this thread's processor time: what other programs, and RocksDB's background threads, take does
// not count.
double MicrosecondsOf(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    SYNOD_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  };
  const double start = now();
  work();
  return now() - start;
}

std::string KeyOf(uint64_t number) {
  return absl::StrFormat("/registry/pods/%010d", number);
}

class Bench {
 public:
  explicit Bench(const std::string& dir) {
    auto engine = storage::OpenRocksdbEngine({.dir = dir});
    SYNOD_CHECK(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    Reopen(StateMachine::Options().cache_bytes);
  }

  void Reopen(size_t cache_bytes) {
    auto machine = StateMachine::Open(engine_.get(), {.cache_bytes = cache_bytes});
    SYNOD_CHECK(machine.ok()) << machine.status();
    machine_ = *std::move(machine);
  }

  // Puts `count` keys that `next` names.
  void Puts(const char* name, uint64_t count, const std::function<uint64_t()>& next) {
    double total = 0;
    for (uint64_t done = 0; done < count; done += kBatch) {
      std::vector<std::string> commands;
      for (size_t i = 0; i < kBatch; ++i) {
        const std::string value(kValueBytes, static_cast<char>('a' + random_.Below(26)));
        commands.push_back(EncodeCommand(PutRequest{.key = KeyOf(next()), .value = value}));
      }
      const SlotCommands slot{machine_->applied().next(), {commands.begin(), commands.end()}};
      total += MicrosecondsOf([&] { SYNOD_CHECK(machine_->Apply({&slot, 1}).ok()); });
    }
    std::printf("%-44s %7.2f us/put\n", name, total / static_cast<double>(count));
  }

  void Reads(const char* name, int count, const std::function<RangeRequest()>& next) {
    const double total = MicrosecondsOf([&] {
      for (int i = 0; i < count; ++i) {
        SYNOD_CHECK(machine_->View()->Range(next()).error == Error::kNone);
      }
    });
    std::printf("%-44s %7.2f us/read\n", name, total / count);
  }

  Random& random() { return random_; }
  Revision revision() const { return machine_->View()->revision(); }

 private:
  std::unique_ptr<storage::Engine> engine_;
  std::unique_ptr<StateMachine> machine_;
  Random random_{1};
};

void Run(const std::string& dir, uint64_t keys) {
  Bench bench(dir);
  const auto any = [&] { return bench.random().Below(keys); };
  uint64_t serial = 0;
  bench.Puts("new keys, rising", keys, [&] { return serial++; });
  bench.Puts("overwrites of 10000 keys, cached", keys, [&] { return bench.random().Below(10000); });
  bench.Puts("overwrites of all keys, cached", keys, any);
  bench.Puts("overwrites of all keys, cached again", keys, any);
  bench.Reopen(0);
  bench.Puts("overwrites of all keys, no cache", keys, any);
  bench.Reopen(StateMachine::Options().cache_bytes);

  const Revision before_hot = bench.revision();
  bench.Puts("overwrites of one key", keys, [] { return 7; });
  const Revision newest = bench.revision();
  bench.Reads("newest version of any key", 20000,
              [&] { return RangeRequest{.key = KeyOf(any())}; });
  bench.Reads("newest version of the hot key", 20000,
              [&] { return RangeRequest{.key = KeyOf(7)}; });
  bench.Reads("hot key, any of its versions", 20000, [&] {
    const auto back = bench.random().Below(static_cast<uint64_t>(newest - before_hot));
    return RangeRequest{.key = KeyOf(7), .revision = newest - static_cast<Revision>(back)};
  });
  bench.Reads("all keys, count only", 5,
              [&] { return RangeRequest{.key = "/", .range_end = "0", .count_only = true}; });
}

}  // namespace
}  // namespace synod::kv

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: kv-apply-bench DIR [KEYS], where DIR does not exist yet\n");
    return 1;
  }
  const uint64_t keys = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 200000;
  if (keys < 10000) {
    std::fprintf(stderr, "kv-apply-bench: KEYS is a number, at least 10000\n");
    return 1;
  }
  synod::kv::Run(argv[1], keys);
  std::filesystem::remove_all(argv[1]);
  return 0;
}
