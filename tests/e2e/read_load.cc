#include "tests/e2e/read_load.h"

#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/support/await.h"
#include "tests/support/http_get.h"

namespace synod::e2e {
namespace {

constexpr absl::Duration kReadLimit = absl::Seconds(5);
constexpr absl::Duration kWindowLimit = absl::Seconds(20);

// The calls of Range that succeeded, as the page's line for them says; without one there were none.
int64_t RangesServed(const std::string& page) {
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, "synod_calls_total{") && absl::StrContains(line, "Range\"") &&
        absl::StrContains(line, "code=\"OK\"") && !absl::StrContains(line, "DeleteRange") &&
        absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) {
      return static_cast<int64_t>(value);
    }
  }
  return 0;
}

int64_t Sum(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

}  // namespace

ReadLoad::ReadLoad(std::string address, int readers, int64_t limit)
    : address_(std::move(address)), left_(limit) {
  for (int reader = 0; reader < readers; ++reader) {
    threads_.emplace_back([this] { Read(); });
  }
}

ReadLoad::~ReadLoad() {
  Stop();
}

void ReadLoad::Read() {
  Client client(address_);
  while (left_.fetch_sub(1) > 0) {
    etcdserverpb::RangeResponse response;
    if (!client.Get("a key", e2e::Read::kSerializable, kReadLimit, &response).ok()) ++failures_;
  }
}

void ReadLoad::AwaitEnd() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReadLoad::Stop() {
  left_ = 0;
  AwaitEnd();
}

std::vector<int64_t> ReadsServed(const Cluster& cluster) {
  std::vector<int64_t> served;
  for (int node = 1; node <= cluster.size(); ++node) {
    const testing::HttpAnswer page = testing::HttpGet(cluster.metrics_address(node), "/metrics");
    SYNOD_CHECK(page.status == 200) << "node " << node << " shows no metrics: " << page.status;
    served.push_back(RangesServed(page.body));
  }
  return served;
}

std::vector<double> Shares(const std::vector<int64_t>& before, const std::vector<int64_t>& after) {
  std::vector<double> shares;
  const double total = static_cast<double>(Sum(after) - Sum(before));
  for (size_t i = 0; i < after.size(); ++i) {
    shares.push_back(static_cast<double>(after[i] - before[i]) / total);
  }
  return shares;
}

std::vector<double> SharesOfNextReads(const Cluster& cluster, int64_t count) {
  const std::vector<int64_t> before = ReadsServed(cluster);
  std::vector<int64_t> after = before;
  EXPECT_TRUE(testing::Await(kWindowLimit,
                             [&] {
                               after = ReadsServed(cluster);
                               return Sum(after) - Sum(before) >= count;
                             }))
      << "only " << Sum(after) - Sum(before) << " reads in " << kWindowLimit;
  return Shares(before, after);
}

}  // namespace synod::e2e
