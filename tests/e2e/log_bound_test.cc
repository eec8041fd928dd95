// The acceptor log under writes without end: the disk it takes, and a member that was away while
// the others cut what it lacks. SYNOD_E2E_LOG_ROUNDS sets how often the size allowed to a log is
// written (default 3).
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/write_load.h"
#include "tests/support/await.h"

namespace synod::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kMaxLogBytes = 128 * kMiB;  // the least that a node takes
// What docs/operations.md allows beyond --max-log-bytes.
constexpr uint64_t kBeyondBytes = 288 * kMiB;
constexpr size_t kValueBytes = 256 << 10;
constexpr int kWriters = 4;
constexpr size_t kWrites = 200;
constexpr absl::Duration kLimit = absl::Seconds(60);
// Nobody needs to be elected anew, so nobody should have to wait for long.
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// A member that catches up has no vote on what is new, so when one of the two others dies it takes
// an election and its restart.
constexpr absl::Duration kElectionAndRestart = absl::Seconds(5);

uint64_t Rounds() {
  const char* text = getenv("SYNOD_E2E_LOG_ROUNDS");
  uint64_t rounds = 3;
  SYNOD_CHECK(text == nullptr || absl::SimpleAtoi(text, &rounds));
  return rounds;
}

ClusterOptions SmallLogs() {
  return {.node_flags = {absl::StrCat("--max-log-bytes=", kMaxLogBytes)}};
}

// Of the files in `dir`, each once whatever it is renamed to meanwhile.
uint64_t BytesIn(const std::string& dir) {
  std::map<ino_t, uint64_t> bytes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    struct stat info {};
    if (stat(entry.path().c_str(), &info) == 0) bytes[info.st_ino] = info.st_size;
  }
  uint64_t sum = 0;
  for (const auto& [_, size] : bytes) sum += size;
  return sum;
}

// Looks at the nodes' logs all the time.
class LogWatch {
 public:
  explicit LogWatch(const Cluster& cluster)
      : largest_(cluster.size()), thread_([this, &cluster] {
          while (!stop_) {
            for (int node = 1; node <= cluster.size(); ++node) {
              uint64_t& largest = largest_[node - 1];
              largest = std::max(largest, BytesIn(cluster.data_dir(node) + "/log"));
            }
            ++looks_;
            absl::SleepFor(absl::Milliseconds(5));
          }
        }) {}

  // The most that each log took; the end of watching.
  const std::vector<uint64_t>& Largest() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    std::cout << "logs took at most (MiB, of " << looks_ << " looks):";
    for (const uint64_t bytes : largest_) std::cout << " " << bytes / kMiB;
    std::cout << std::endl;
    return largest_;
  }
  ~LogWatch() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::vector<uint64_t> largest_;
  int looks_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Returns when so many bytes, in a few large keys, are acknowledged.
void WriteBytes(const std::string& address, uint64_t bytes) {
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&address, bytes, writer] {
      Client client(address);
      Random random(writer);
      std::string value;
      while (value.size() < kValueBytes) value.push_back(static_cast<char>(random.Next()));
      for (uint64_t written = 0; written < bytes / kWriters; written += kValueBytes) {
        value[written / kValueBytes % kValueBytes] ^= 1;
        const grpc::Status put = client.Put(absl::StrCat("bulk/", writer), value, kLimit);
        ASSERT_TRUE(put.ok()) << put.error_message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void Print(const char* what, absl::Duration longest) {
  std::cout << "longest that a writer had to wait " << what << ": "
            << absl::FormatDuration(absl::Trunc(longest, absl::Milliseconds(1))) << std::endl;
}

TEST(LogBoundTest, WritesWithoutEndFillNoDisk) {
  Cluster cluster(SmallLogs());
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  const absl::Time begin = absl::Now();
  LogWatch watch(cluster);
  WriteBytes(cluster.front_door(), Rounds() * kMaxLogBytes);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  for (const uint64_t bytes : watch.Largest()) EXPECT_LE(bytes, kMaxLogBytes + kBeyondBytes);
  load.Stop();
  Print("under load", load.LongestPause(begin));
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  EXPECT_TRUE(cluster.AwaitEqualRevisions(kLimit));
}

// --- a member that is away -----------------------------------------------------------------------

constexpr char kFetching[] = "fetching a snapshot";
constexpr char kInstalled[] = "snapshot installed";

// Waits until so much of a snapshot has come in at `node`; false when it is all there before.
bool AwaitIncoming(const Cluster& cluster, int node, uint64_t bytes) {
  return testing::Await(kLimit,
                        [&] { return BytesIn(cluster.data_dir(node) + "/state-2") >= bytes; }) &&
         !absl::StrContains(cluster.LogOf(node), kInstalled);
}

// The node from which `node` said last that it fetches.
int GiverOf(const Cluster& cluster, int node) {
  const std::string log = cluster.LogOf(node);
  const size_t begin = log.rfind(kFetching);
  if (begin == std::string::npos) return 0;
  const std::string line = log.substr(begin, log.find('\n', begin) - begin);
  for (int giver = 1; giver <= cluster.size(); ++giver) {
    if (absl::StrContains(line, cluster.peer_address(giver))) return giver;
  }
  return 0;
}

// What `node` itself holds, with every revision.
std::string ContentsOf(const Cluster& cluster, int node) {
  Client client(cluster.node_address(node));
  std::string contents;
  for (const char* prefix : {"bulk/", "counter/", "written/"}) {
    etcdserverpb::RangeResponse found;
    const grpc::Status read = client.List(prefix, Read::kSerializable, kLimit, &found);
    EXPECT_TRUE(read.ok()) << read.error_message();
    EXPECT_GT(found.kvs_size(), 0) << prefix;
    found.clear_header();
    contents += found.SerializeAsString();
  }
  return contents;
}

TEST(LogBoundTest, AMemberThatWasAwayCatchesUpWithoutStoppingTheOthers) {
  Cluster cluster(SmallLogs());
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  const int away = cluster.Leader() % cluster.size() + 1;
  cluster.KillNode(away);
  const absl::Time begin = absl::Now();
  LogWatch watch(cluster);
  WriteBytes(cluster.front_door(), Rounds() * kMaxLogBytes);
  for (const uint64_t bytes : watch.Largest()) EXPECT_LE(bytes, kMaxLogBytes + kBeyondBytes);

  // It comes back, and dies again and again of what it fetches.
  constexpr int kDeaths = 3;
  for (int death = 1; death <= kDeaths; ++death) {
    cluster.StartNode(away);
    ASSERT_TRUE(AwaitIncoming(cluster, away, death * Rounds() * kMaxLogBytes / (kDeaths + 3)));
    cluster.KillNode(away);
  }
  cluster.StartNode(away);
  ASSERT_TRUE(
      AwaitIncoming(cluster, away, (kDeaths + 1) * Rounds() * kMaxLogBytes / (kDeaths + 3)));
  // Then the one that gives dies, and another one has to.
  const int giver = GiverOf(cluster, away);
  ASSERT_NE(giver, 0) << cluster.LogOf(away);
  const absl::Time killed = absl::Now();
  cluster.KillNode(giver);
  cluster.StartNode(giver);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  ASSERT_TRUE(
      testing::Await(kLimit, [&] { return absl::StrContains(cluster.LogOf(away), kInstalled); }));
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  load.Stop();

  const absl::Duration before = load.LongestPause(begin, killed);
  Print("while a member was away or fetched", before);
  EXPECT_LT(before, kLongestPause);
  const absl::Duration after = load.LongestPause(killed);
  Print("after the giver was killed and started again", after);
  EXPECT_LT(after, kElectionAndRestart);
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  const std::string contents = ContentsOf(cluster, 1);
  for (int node = 2; node <= cluster.size(); ++node) {
    EXPECT_TRUE(ContentsOf(cluster, node) == contents) << "node " << node;
  }
}

}  // namespace
}  // namespace synod::e2e
