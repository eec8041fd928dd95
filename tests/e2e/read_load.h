// Readers in closed loops, and who served them: the nodes' own counters, read from their metrics.
#ifndef SYNOD_TESTS_E2E_READ_LOAD_H_
#define SYNOD_TESTS_E2E_READ_LOAD_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/cluster.h"

namespace synod::e2e {

// Serializable reads of one key through `address`, until Stop or until `limit` of them were done.
class ReadLoad {
 public:
  static constexpr int64_t kUnlimited = INT64_MAX;

  ReadLoad(std::string address, int readers, int64_t limit = kUnlimited);
  ~ReadLoad();

  // Waits for the limit; not for an unlimited load.
  void AwaitEnd();
  void Stop();
  int64_t failures() const { return failures_; }

 private:
  void Read();

  const std::string address_;
  std::atomic<int64_t> left_;
  std::atomic<int64_t> failures_{0};
  std::vector<std::thread> threads_;
};

// Reads that each node has served since it started, node 1 first.
std::vector<int64_t> ReadsServed(const Cluster& cluster);

// What part each node has in the next `count` reads, or more: waits until they were served. The
// load that makes them must be running; the test fails, and the shares are not numbers, when it
// makes none.
std::vector<double> SharesOfNextReads(const Cluster& cluster, int64_t count);

// `after` less `before` as parts of their sum.
std::vector<double> Shares(const std::vector<int64_t>& before, const std::vector<int64_t>& after);

}  // namespace synod::e2e

#endif  // SYNOD_TESTS_E2E_READ_LOAD_H_
