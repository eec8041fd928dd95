#include "balancer/policies/policy.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/balancer/backends.h"

namespace synod::balancer {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kNow = absl::Seconds(1000);
constexpr int kPicks = 100'000;

// One worker with one policy over backends that the test changes between picks.
class Worker {
 public:
  Worker(absl::string_view policy, size_t count, uint64_t seed = 1)
      : backends(ReadyBackends(count)), random_(seed), policy_(*MakePolicy(policy)) {}

  std::string Pick(MethodClass method_class = MethodClass::kRead) {
    return PickAmong(Pointers(backends), method_class);
  }
  std::string PickAmong(const std::vector<const Backend*>& candidates,
                        MethodClass method_class = MethodClass::kRead) {
    return candidates[policy_->Pick(candidates, {method_class, kNow, &random_})]->name;
  }
  std::string Picks(int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(Pick());
    return absl::StrJoin(names, " ");
  }
  // Of 100,000 picks, by backend.
  std::vector<double> Shares() {
    std::vector<double> shares(backends.size());
    for (int i = 0; i < kPicks; ++i) shares[Pick()[0] - 'a'] += 1.0 / kPicks;
    return shares;
  }
  void SetInFlight(size_t backend, uint32_t count) {
    backends[backend].stats->of(MethodClass::kRead).in_flight = count;
  }

  std::vector<Backend> backends;

 private:
  Random random_;
  std::unique_ptr<Policy> policy_;
};

MATCHER_P(Share, expected, "") {
  return std::abs(arg - expected) < 0.01;
}

TEST(PolicyTest, NamesAreThoseOfTheDocumentation) {
  EXPECT_THAT(PolicyNames(),
              ElementsAre("round_robin", "random", "weighted", "performance", "least_request"));
  for (const std::string& name : PolicyNames()) EXPECT_TRUE(MakePolicy(name).ok()) << name;
}

TEST(PolicyTest, AnUnknownNameListsThoseThatExist) {
  const auto policy = MakePolicy("fastest");
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(policy.status().message()), HasSubstr("'fastest'"));
  EXPECT_THAT(std::string(policy.status().message()), HasSubstr("round_robin, random, weighted"));
}

TEST(RoundRobinTest, TakesEachInTurnAndIsExact) {
  Worker worker("round_robin", 3);
  const std::string round = worker.Picks(3);
  EXPECT_EQ(worker.Picks(3), round);
  EXPECT_THAT(worker.Shares(), ElementsAre(DoubleNear(1 / 3., 2e-5), DoubleNear(1 / 3., 2e-5),
                                           DoubleNear(1 / 3., 2e-5)));
}

TEST(RoundRobinTest, WorkersStartAtDifferentBackends) {
  std::map<std::string, int> first;
  for (uint64_t seed = 0; seed < 300; ++seed) ++first[Worker("round_robin", 3, seed).Pick()];
  for (const auto& [name, count] : first) EXPECT_NEAR(count, 100, 30) << name;
  EXPECT_EQ(first.size(), 3);
}

TEST(RoundRobinTest, ABackendThatGoesDoesNotRestartTheRound) {
  Worker worker("round_robin", 4);
  const std::string first = worker.Pick();
  const std::string second = worker.Pick();
  auto candidates = Pointers(worker.backends);
  std::erase_if(candidates, [&](const Backend* backend) { return backend->name == first; });
  const std::string third = worker.PickAmong(candidates);
  const std::string fourth = worker.PickAmong(candidates);
  EXPECT_EQ((std::set<std::string>{first, second, third, fourth}).size(), 4);
  EXPECT_EQ(worker.PickAmong(candidates), second);
}

TEST(RoundRobinTest, ASingleRetryDoesNotGiveTheNextOneADoubleShare) {
  Worker worker("round_robin", 3);
  std::map<std::string, int> counts;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = worker.Pick();
    ++counts[name];
    if (name != "a") continue;
    auto others = Pointers(worker.backends);
    others.erase(others.begin());
    ++counts[worker.PickAmong(others)];
  }
  EXPECT_NEAR(counts["b"], counts["c"], 2);
}

TEST(RoundRobinTest, ClassesTakeTurnsApart) {
  Worker worker("round_robin", 2);
  std::map<std::string, int> reads;
  for (int i = 0; i < 100; ++i) {
    ++reads[worker.Pick(MethodClass::kRead)];
    worker.Pick(MethodClass::kStream);
  }
  EXPECT_EQ(reads["a"], 50);
}

TEST(RandomPolicyTest, IsUniformAndForgetful) {
  Worker worker("random", 3);
  EXPECT_THAT(worker.Shares(), ElementsAre(Share(1 / 3.), Share(1 / 3.), Share(1 / 3.)));
  int repeats = 0;
  std::string last;
  for (int i = 0; i < kPicks; ++i) {
    const std::string name = worker.Pick();
    repeats += name == last;
    last = name;
  }
  EXPECT_NEAR(repeats / double{kPicks}, 1 / 3., 0.01);
}

// nginx: weights 5, 1, 1 give exactly this order.
TEST(WeightedTest, FiveOneOneIsSmooth) {
  Worker worker("weighted", 3);
  worker.backends[0].weight = 5;
  worker.backends[1].weight = 1;
  worker.backends[2].weight = 1;
  EXPECT_EQ(worker.Picks(7), "a a b a c a a");
  EXPECT_EQ(worker.Picks(7), "a a b a c a a");
}

TEST(WeightedTest, EveryWindowAsLongAsTheSumOfWeightsIsExact) {
  Worker worker("weighted", 3);
  worker.backends[0].weight = 5;
  worker.backends[1].weight = 3;
  worker.backends[2].weight = 1;
  for (int offset = 0; offset < 9; ++offset) {
    std::map<std::string, int> counts;
    for (int i = 0; i < 9; ++i) ++counts[worker.Pick()];
    EXPECT_EQ(counts["a"], 5);
    EXPECT_EQ(counts["b"], 3);
    EXPECT_EQ(counts["c"], 1);
    worker.Pick();
  }
}

TEST(WeightedTest, SharesFollowTheWeights) {
  struct Case {
    std::vector<std::optional<uint32_t>> weights;
    std::vector<double> shares;
  };
  const Case cases[] = {
      {{1, 2, 3}, {.1667, .3333, .5}},
      {{10, 20, std::nullopt}, {.2222, .4444, .3333}},  // Unknown counts as the mean.
      {{std::nullopt, std::nullopt, std::nullopt}, {.3333, .3333, .3333}},
      {{4, 0, 4}, {.5, 0, .5}},
      {{0, 0, 0}, {.3333, .3333, .3333}},
  };
  for (const Case& c : cases) {
    Worker worker("weighted", 3);
    for (size_t i = 0; i < 3; ++i) worker.backends[i].weight = c.weights[i];
    const auto shares = worker.Shares();
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(shares[i], c.shares[i], 1e-3) << i;
  }
}

TEST(WeightedTest, AfterANewWeightOldCreditIsWorthOneWindowAtMost) {
  Worker worker("weighted", 2);
  worker.backends[0].weight = 100'000;
  worker.backends[1].weight = 1;
  worker.Picks(50'000);
  worker.backends[0].weight = 1;
  EXPECT_EQ(worker.Picks(8), "b b a b a b a b");
}

// Weights from load move all the time; a worker with few calls picks once per change.
TEST(WeightedTest, OnePickPerChangeOfTheWeightsStarvesNobody) {
  Worker worker("weighted", 3);
  std::map<std::string, int> counts;
  for (uint32_t i = 0; i < 3000; ++i) {
    worker.backends[0].weight = 1001 + i % 2;
    worker.backends[1].weight = 1000;
    worker.backends[2].weight = 999 - i % 2;
    ++counts[worker.Pick()];
  }
  for (const char* name : {"a", "b", "c"}) EXPECT_NEAR(counts[name], 1000, 10) << name;
}

TEST(LeastRequestTest, TakesTheLeastLoadedAndBreaksTiesAtRandom) {
  Worker worker("least_request", 3);
  EXPECT_THAT(worker.Shares(), ElementsAre(Share(1 / 3.), Share(1 / 3.), Share(1 / 3.)));
  worker.SetInFlight(2, 1);
  EXPECT_THAT(worker.Shares(), ElementsAre(Share(.5), Share(.5), 0));
}

// Envoy's weighted least request: weight / (in flight + 1).
TEST(LeastRequestTest, UnequalWeightsDrawInProportion) {
  Worker worker("least_request", 2);
  worker.backends[0].weight = 2;
  worker.backends[1].weight = 1;
  EXPECT_THAT(worker.Shares(), ElementsAre(Share(2 / 3.), Share(1 / 3.)));
  worker.SetInFlight(0, 1);
  EXPECT_THAT(worker.Shares(), ElementsAre(Share(.5), Share(.5)));
}

// Were the two draws with replacement, the busiest of six would still get 1/36.
TEST(LeastRequestTest, TwoChoicesAreDistinct) {
  Worker worker("least_request", 6);
  worker.SetInFlight(3, 100);
  const auto shares = worker.Shares();
  EXPECT_EQ(shares[3], 0);
  for (const size_t i : {0, 1, 2, 4, 5}) EXPECT_THAT(shares[i], Share(.2)) << i;
}

TEST(PerformanceTest, WeighsLatencyByCallsInFlight) {
  Worker worker("performance", 2);
  worker.backends[0].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(1), kNow);
  worker.backends[1].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(5), kNow);
  EXPECT_EQ(worker.Pick(), "a");
  worker.SetInFlight(0, 3);  // 4 ms against 5 ms.
  EXPECT_EQ(worker.Pick(), "a");
  worker.SetInFlight(0, 5);  // 6 ms against 5 ms.
  EXPECT_EQ(worker.Pick(), "b");
}

TEST(PerformanceTest, ClassesAreApart) {
  Worker worker("performance", 2);
  for (const MethodClass method_class : {MethodClass::kRead, MethodClass::kWrite}) {
    const bool read = method_class == MethodClass::kRead;
    for (size_t i = 0; i < 2; ++i) {
      const bool slow = (i == 0) == read;
      worker.backends[i]
          .stats->of(method_class)
          .latency.Observe(absl::Milliseconds(slow ? 9 : 1), kNow);
    }
  }
  EXPECT_EQ(worker.Pick(MethodClass::kRead), "b");
  EXPECT_EQ(worker.Pick(MethodClass::kWrite), "a");
}

TEST(PerformanceTest, OpenStreamsAreSpreadAndDoNotWeighOnCalls) {
  Worker worker("performance", 2);
  worker.backends[0].stats->of(MethodClass::kStream).in_flight = 1000;
  worker.backends[0].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(1), kNow);
  worker.backends[1].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(2), kNow);
  EXPECT_EQ(worker.Pick(MethodClass::kRead), "a");
  EXPECT_EQ(worker.Pick(MethodClass::kStream), "b");
}

TEST(PerformanceTest, MeasuresANewBackendWithOneCallAtATime) {
  Worker worker("performance", 3);
  for (const size_t i : {0, 1}) {
    worker.backends[i].stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(1), kNow);
  }
  EXPECT_EQ(worker.Pick(), "c");
  worker.SetInFlight(2, 1);
  EXPECT_NE(worker.Pick(), "c");
}

TEST(PerformanceTest, AHangShowsBeforeAnyCallCompletes) {
  Worker worker("performance", 2);
  for (const Backend& backend : worker.backends) {
    backend.stats->of(MethodClass::kRead).latency.Observe(absl::Milliseconds(1), kNow);
  }
  // Two calls each; those at a have waited 400 ms.
  std::vector<ActiveCall> calls;
  for (int i = 0; i < 2; ++i) {
    calls.emplace_back(worker.backends[0].stats, MethodClass::kRead,
                       kNow - absl::Milliseconds(400));
    calls.emplace_back(worker.backends[1].stats, MethodClass::kRead, kNow);
  }
  calls.emplace_back(worker.backends[1].stats, MethodClass::kRead, kNow);
  EXPECT_EQ(worker.Pick(), "b");
}

}  // namespace
}  // namespace synod::balancer
