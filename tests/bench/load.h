// Drives etcd's KV service and measures it: calls kept in flight over several connections, each
// latency from when the call was due to when its answer was read.
#ifndef SYNOD_TESTS_BENCH_LOAD_H_
#define SYNOD_TESTS_BENCH_LOAD_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/histogram.h"

namespace synod::bench {

enum class Operation { kPut, kGet, kSerializableGet, kMixed };

struct LoadOptions {
  std::vector<std::string> endpoints;  // host:port; connections go round them
  Operation operation = Operation::kPut;
  double read_share = 0.9;  // of kMixed
  int connections = 8;      // in all
  int in_flight = 32;       // per connection
  int threads = 1;

  // Calls per second over all connections; 0: a closed loop, each call starts when one ends.
  // With a rate a call is due whether or not the server keeps up, and its latency counts from when
  // it was due: a stall shows in full instead of hiding the calls that it kept from starting.
  double rate = 0;

  absl::Duration warmup = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(10);
  absl::Duration call_timeout = absl::Seconds(10);
  int64_t keys = 10'000;
  int64_t value_bytes = 128;
  uint64_t seed = 1;
};

struct LoadResult {
  absl::Duration measured;
  Histogram latency;                         // of the calls that succeeded
  std::map<std::string, uint64_t> failures;  // by status text
  uint64_t not_started = 0;                  // due, but all slots were busy to the end

  double CallsPerSecond() const {
    return static_cast<double>(latency.count()) / absl::ToDoubleSeconds(measured);
  }
};

// Reads are of keys that exist: they are put first, outside the measurement. Unavailable when an
// endpoint cannot be reached or a key cannot be put.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options);

}  // namespace synod::bench

#endif  // SYNOD_TESTS_BENCH_LOAD_H_
