// Policies at work over virtual time: calls arrive, are picked for, take their time and end. What a
// policy learns, how fast, and what many of them do to one another.
#include <functional>
#include <queue>
#include <vector>

#include "balancer/policies/policy.h"
#include "gtest/gtest.h"
#include "tests/unit/balancer/backends.h"

namespace synod::balancer {
namespace {

struct Answer {
  absl::Duration after;
  CallResult result = CallResult::kAnswered;
};

// One server per backend: how it answers a call that starts now.
using Server = std::function<Answer(absl::Duration now, Random& random)>;

class Simulation {
 public:
  struct Options {
    std::vector<Server> servers;
    int balancers = 1;  // each with statistics of its own
    int workers = 2;    // of each balancer, sharing its statistics
    double calls_per_second = 2000;
  };

  explicit Simulation(Options options) : options_(std::move(options)), random_(11) {
    for (int b = 0; b < options_.balancers; ++b) {
      backends_.push_back(ReadyBackends(options_.servers.size()));
      for (int w = 0; w < options_.workers; ++w)
        workers_.push_back({b, *MakePolicy("performance")});
    }
  }

  // Picks by backend between now and `until`.
  std::vector<double> SharesUntil(absl::Duration until) {
    std::vector<double> counts(options_.servers.size());
    double total = 0;
    while (now_ < until) {
      EndCallsBefore(now_);
      counts[StartCall()] += 1;
      total += 1;
      now_ += absl::Seconds(-std::log(1 - random_.Unit()) / options_.calls_per_second);
    }
    for (double& count : counts) count /= total;
    return counts;
  }

 private:
  struct Worker {
    int balancer;
    std::unique_ptr<Policy> policy;
  };
  struct Pending {
    absl::Duration at;
    CallResult result;
    std::shared_ptr<ActiveCall> call;
    bool operator<(const Pending& other) const { return at > other.at; }
  };

  size_t StartCall() {
    Worker& worker = workers_[random_.Below(workers_.size())];
    const auto candidates = Pointers(backends_[worker.balancer]);
    const size_t index = worker.policy->Pick(candidates, {MethodClass::kRead, now_, &random_});
    const Answer answer = options_.servers[index](now_, random_);
    pending_.push(
        {now_ + answer.after, answer.result,
         std::make_shared<ActiveCall>(candidates[index]->stats, MethodClass::kRead, now_)});
    return index;
  }

  void EndCallsBefore(absl::Duration now) {
    while (!pending_.empty() && pending_.top().at <= now) {
      pending_.top().call->Finish(pending_.top().result, pending_.top().at);
      pending_.pop();
    }
  }

  Options options_;
  Random random_;
  absl::Duration now_ = absl::Hours(1);
  std::vector<std::vector<Backend>> backends_;
  std::vector<Worker> workers_;
  std::priority_queue<Pending> pending_;
};

constexpr absl::Duration kStart = absl::Hours(1);

Answer Healthy(absl::Duration, Random& random) {
  return {absl::Microseconds(400 + 200 * random.Unit())};
}

TEST(ConvergenceTest, AReplicaSlowedByTwentyMillisecondsIsLeftWithinTwoSecondsAndReturnsToLater) {
  const auto slow_for_ten_seconds = [](absl::Duration now, Random& random) {
    const bool slow = now >= kStart + absl::Seconds(5) && now < kStart + absl::Seconds(15);
    return Answer{Healthy(now, random).after +
                  (slow ? absl::Milliseconds(20) : absl::ZeroDuration())};
  };
  for (const double rate : {100., 2000., 10'000.}) {
    SCOPED_TRACE(rate);
    Simulation simulation(
        {.servers = {Healthy, slow_for_ten_seconds, Healthy}, .calls_per_second = rate});
    EXPECT_GT(simulation.SharesUntil(kStart + absl::Seconds(5))[1], 0.2);
    simulation.SharesUntil(kStart + absl::Seconds(7));
    EXPECT_LT(simulation.SharesUntil(kStart + absl::Seconds(15))[1], 0.02);
    simulation.SharesUntil(kStart + absl::Seconds(20));
    EXPECT_GT(simulation.SharesUntil(kStart + absl::Seconds(30))[1], 0.2);
  }
}

TEST(ConvergenceTest, ABackendThatFailsFastDoesNotAttract) {
  const auto black_hole = [](absl::Duration, Random&) {
    return Answer{absl::Microseconds(50), CallResult::kFailed};
  };
  Simulation simulation({.servers = {Healthy, Healthy, black_hole}});
  EXPECT_LT(simulation.SharesUntil(kStart + absl::Seconds(20))[2], 0.002);
}

TEST(ConvergenceTest, ABackendThatHangsGetsLittleThoughItsCallsAreOnlyEverAbandoned) {
  const auto hang = [](absl::Duration, Random&) {
    return Answer{absl::Seconds(2), CallResult::kCancelled};
  };
  Simulation simulation({.servers = {Healthy, Healthy, hang}});
  EXPECT_LT(simulation.SharesUntil(kStart + absl::Seconds(20))[2], 0.005);
}

// Eight balancers that do not know of one another in front of three single-file servers at 70 %
// load.
TEST(ConvergenceTest, IndependentBalancersDoNotRunToTheSameBackendTogether) {
  struct Queue {
    absl::Duration free_at = absl::ZeroDuration();
    absl::Duration longest = absl::ZeroDuration();
  };
  std::vector<Queue> queues(3);
  std::vector<Server> servers;
  for (Queue& queue : queues) {
    servers.push_back([&queue](absl::Duration now, Random& random) {
      const absl::Duration service = absl::Microseconds(500 + 1000 * random.Unit());
      queue.free_at = std::max(queue.free_at, now) + service;
      queue.longest = std::max(queue.longest, queue.free_at - now);
      return Answer{queue.free_at - now};
    });
  }
  Simulation simulation(
      {.servers = servers, .balancers = 8, .workers = 1, .calls_per_second = 2100});
  for (int second = 1; second <= 20; ++second) {
    for (const double share : simulation.SharesUntil(kStart + absl::Seconds(second))) {
      EXPECT_NEAR(share, 1 / 3., 0.1) << "in second " << second;
    }
  }
  for (const Queue& queue : queues) EXPECT_LT(queue.longest, absl::Milliseconds(100));
}

}  // namespace
}  // namespace synod::balancer
