// What one durable write of 4 KiB costs: appended to a growing file, and through the acceptor log.
//
//   log-sync-bench [DIRECTORY] [WRITES] [ROUNDS]     default: . 2000 5
//
// The two take turns within one run, so that whatever else the machine does hits both; each takes
// the median round's figures. Leaves nothing behind in the directory.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "services/storage/acceptor_log.h"

namespace synod::storage {
namespace {

constexpr size_t kWriteBytes = 4096;
constexpr size_t kRecordOverhead = 32 + 64 + 1 + 20;  // batch head, descriptor, value's framing

struct Figures {
  double p50_us = 0;
  double p99_us = 0;
};

Figures Measure(int writes, const std::function<absl::Status(uint64_t)>& write) {
  std::vector<double> micros;
  for (int i = 0; i < writes; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const absl::Status status = write(static_cast<uint64_t>(i));
    SYNOD_CHECK(status.ok()) << status;
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(micros.begin(), micros.end());
  return {micros[micros.size() / 2], micros[micros.size() * 99 / 100]};
}

Figures GrowingFile(const std::string& dir, int writes) {
  const auto file = Env::Posix()->CreateZeroed(absl::StrCat(dir, "/growing"), 0).value();
  const std::string block(kWriteBytes, 'x');
  return Measure(writes, [&](uint64_t i) {
    const absl::Status status = file->WriteAt(i * kWriteBytes, block);
    return status.ok() ? file->Sync() : status;
  });
}

Figures Log(const std::string& dir, int writes) {
  AcceptorLogOptions options;
  options.dir = absl::StrCat(dir, "/log");
  options.cluster = ClusterId(1);
  options.node = NodeId(1);
  const auto log = AcceptorLog::Open(Env::Posix(), options).value();
  const paxos::Value value =
      paxos::Value::OfCommands({{{}, std::string(kWriteBytes - kRecordOverhead, 'x')}});
  return Measure(writes, [&](uint64_t i) {
    const paxos::Record record{GroupId(1),
                               paxos::AcceptedRecord{Slot(i + 1), {1, NodeId(1)}, value, Slot(i)}};
    const absl::Status status = log->Append({record});
    return status.ok() ? log->Sync() : status;
  });
}

Figures MedianRound(std::vector<Figures> rounds) {
  std::sort(rounds.begin(), rounds.end(),
            [](const Figures& a, const Figures& b) { return a.p50_us < b.p50_us; });
  return rounds[rounds.size() / 2];
}

void Run(const std::string& parent, int writes, int rounds) {
  const std::string dir = absl::StrCat(parent, "/log-sync-bench.tmp");
  std::vector<Figures> growing;
  std::vector<Figures> log;
  for (int i = 0; i < rounds; ++i) {
    std::filesystem::create_directories(dir);
    growing.push_back(GrowingFile(dir, writes));
    log.push_back(Log(dir, writes));
    std::filesystem::remove_all(dir);
  }
  std::printf("%-16s %8s %8s\n", "4 KiB, durable", "p50 us", "p99 us");
  for (const auto& [name, figures] : {std::pair("growing file", MedianRound(growing)),
                                      std::pair("acceptor log", MedianRound(log))}) {
    std::printf("%-16s %8.0f %8.0f\n", name, figures.p50_us, figures.p99_us);
  }
}

}  // namespace
}  // namespace synod::storage

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : ".";
  const int writes = argc > 2 ? std::atoi(argv[2]) : 2000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  if (argc > 4 || writes < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: log-sync-bench [DIRECTORY] [WRITES] [ROUNDS]\n");
    return 2;
  }
  synod::storage::Run(dir, writes, rounds);
  return 0;
}
