// Who serves the reads under each policy, counted by the nodes themselves.
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "synod/balancer/v1/admin.grpc.pb.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/read_load.h"
#include "tests/support/await.h"
#include "tests/support/temp_dir.h"

namespace synod::e2e {
namespace {

using ::synod::balancer::v1::Admin;
using ::synod::balancer::v1::State;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kReaders = 8;
constexpr int64_t kReads = 30'000;

class AdminClient {
 public:
  explicit AdminClient(const Cluster& cluster)
      : stub_(Admin::NewStub(
            grpc::CreateChannel(cluster.admin_grpc(), grpc::InsecureChannelCredentials()))) {}

  std::string Policy() {
    grpc::ClientContext context;
    State state;
    return stub_->GetState(&context, {}, &state).ok() ? state.policy() : "";
  }

  grpc::Status SetPolicy(const std::string& policy) {
    grpc::ClientContext context;
    synod::balancer::v1::SetPolicyRequest request;
    request.set_policy(policy);
    State state;
    return stub_->SetPolicy(&context, request, &state);
  }

  grpc::Status SetWeight(const std::string& node, uint32_t weight) {
    grpc::ClientContext context;
    synod::balancer::v1::SetWeightsRequest request;
    (*request.mutable_weights())[node] = weight;
    State state;
    return stub_->SetWeights(&context, request, &state);
  }

 private:
  std::unique_ptr<Admin::Stub> stub_;
};

std::vector<double> SharesOver30000Reads(const std::vector<std::string>& balancer_flags) {
  Cluster cluster({.balancer_flags = balancer_flags});
  const std::vector<int64_t> before = ReadsServed(cluster);
  ReadLoad load(cluster.front_door(), kReaders, kReads);
  load.AwaitEnd();
  EXPECT_EQ(load.failures(), 0);
  const std::vector<int64_t> after = ReadsServed(cluster);
  // Nobody but the load reads: the counters count it and nothing else.
  int64_t total = 0;
  for (size_t i = 0; i < after.size(); ++i) total += after[i] - before[i];
  EXPECT_EQ(total, kReads);
  return Shares(before, after);
}

TEST(PoliciesTest, RoundRobinIsEqualWithinOnePercent) {
  const double third = 1.0 / 3;
  const double tolerance = 0.01 * third;
  EXPECT_THAT(SharesOver30000Reads({"--policy=round_robin"}),
              ElementsAre(DoubleNear(third, tolerance), DoubleNear(third, tolerance),
                          DoubleNear(third, tolerance)));
}

TEST(PoliciesTest, RandomStaysWithinItsStatisticalBound) {
  const double third = 1.0 / 3;
  const double four_sigma = 4 * std::sqrt(third * (1 - third) / kReads);
  EXPECT_THAT(SharesOver30000Reads({"--policy=random"}),
              ElementsAre(DoubleNear(third, four_sigma), DoubleNear(third, four_sigma),
                          DoubleNear(third, four_sigma)));
}

TEST(PoliciesTest, WeightedFiveThreeOneWithinTwoPercent) {
  EXPECT_THAT(SharesOver30000Reads({"--policy=weighted", "--weights=n1=5,n2=3,n3=1"}),
              ElementsAre(DoubleNear(5.0 / 9, 0.02 * 5 / 9), DoubleNear(3.0 / 9, 0.02 * 3 / 9),
                          DoubleNear(1.0 / 9, 0.02 * 1 / 9)));
}

TEST(PoliciesTest, PerformanceLeavesASlowReplicaWithinTwoSecondsAndReturns) {
  constexpr int kSlow = 3;
  constexpr int64_t kWindow = 300;
  constexpr absl::Duration kReturnLimit = absl::Seconds(30);
  Cluster cluster({.balancer_flags = {"--policy=performance"}, .relayed_node = kSlow});
  ReadLoad load(cluster.front_door(), kReaders);
  const auto share = [&] { return SharesOfNextReads(cluster, kWindow)[kSlow - 1]; };
  ASSERT_TRUE(testing::Await(kReturnLimit, [&] { return share() > 0.15; }));

  cluster.relay().SetDelay(absl::Milliseconds(20));
  const absl::Time slowed = absl::Now();
  EXPECT_TRUE(testing::Await(absl::Seconds(2), [&] { return share() < 0.05; }));
  RecordProperty("left_after_ms", absl::ToInt64Milliseconds(absl::Now() - slowed));

  cluster.relay().SetDelay(absl::ZeroDuration());
  const absl::Time recovered = absl::Now();
  EXPECT_TRUE(testing::Await(kReturnLimit, [&] { return share() > 0.15; }));
  RecordProperty("returned_after_ms", absl::ToInt64Milliseconds(absl::Now() - recovered));
  load.Stop();
  EXPECT_EQ(load.failures(), 0);
}

TEST(PoliciesTest, SwitchingPoliciesUnderLoadLosesNoRequest) {
  Cluster cluster({});
  AdminClient admin(cluster);
  ReadLoad load(cluster.front_door(), kReaders);
  for (const char* policy : {"random", "performance", "weighted", "least_request", "round_robin"}) {
    const grpc::Status set = admin.SetPolicy(policy);
    ASSERT_TRUE(set.ok()) << policy << ": " << set.error_message();
    EXPECT_EQ(admin.Policy(), policy);
    SharesOfNextReads(cluster, 500);
  }
  testing::WriteFile(cluster.balancer_config_path(), "{\"policy\": \"random\"}  // edited\n");
  cluster.balancer().Signal(SIGHUP);
  EXPECT_TRUE(testing::Await(absl::Seconds(5), [&] { return admin.Policy() == "random"; }));
  SharesOfNextReads(cluster, 500);
  load.Stop();
  EXPECT_EQ(load.failures(), 0);
}

TEST(PoliciesTest, AdminRefusesWhatDoesNotExistAndChangesNothing) {
  Cluster cluster({});
  AdminClient admin(cluster);
  const grpc::Status policy = admin.SetPolicy("fastest");
  EXPECT_EQ(policy.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(policy.error_message(), HasSubstr("round_robin"));
  const grpc::Status weight = admin.SetWeight("nobody", 3);
  EXPECT_EQ(weight.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(weight.error_message(), HasSubstr("nobody"));
  EXPECT_EQ(admin.Policy(), "round_robin");
}

}  // namespace
}  // namespace synod::e2e
