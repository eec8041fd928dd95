// What clients of the front door see when processes are killed: a short pause, nothing lost,
// nothing twice. SYNOD_E2E_SECONDS sets how long the load runs on each side of a fault (default 2).
#include <stdlib.h>

#include <csignal>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/write_load.h"
#include "tests/support/process.h"

namespace synod::e2e {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWriters = 8;
constexpr absl::Duration kRecoveryLimit = absl::Seconds(20);

// Writes acknowledged before and after a fault, enough to have some in flight at any moment.
size_t WritesAround() {
  const char* text = getenv("SYNOD_E2E_SECONDS");
  int seconds = 2;
  SYNOD_CHECK(text == nullptr || absl::SimpleAtoi(text, &seconds));
  return 200 * static_cast<size_t>(seconds);
}

TEST(FailoverTest, LeaderKilledUnderLoadWritesResumeAndNothingIsLost) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  const int leader = cluster.Leader();
  ASSERT_NE(leader, 0);

  const absl::Time killed = absl::Now();
  cluster.KillNode(leader);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  cluster.StartNode(leader);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  load.Stop();

  RecordProperty("longest_pause_ms", absl::ToInt64Milliseconds(load.LongestPause(killed)));
  EXPECT_LT(load.LongestPause(killed), absl::Seconds(2));
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  EXPECT_TRUE(cluster.AwaitEqualRevisions(kRecoveryLimit)) << "the killed node does not catch up";
}

// It hands over first, so nobody waits for an election: two thirds of a second at least.
TEST(FailoverTest, LeaderToldToStopUnderLoadEndsInOrderAndLeavesNoGap) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  const int leader = cluster.Leader();
  ASSERT_NE(leader, 0);

  const absl::Time told = absl::Now();
  cluster.process(leader).Signal(SIGTERM);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  EXPECT_EQ(cluster.process(leader).WaitForEnd(kRecoveryLimit), 0);
  load.Stop();

  RecordProperty("longest_pause_ms", absl::ToInt64Milliseconds(load.LongestPause(told)));
  EXPECT_LT(load.LongestPause(told), absl::Milliseconds(500));
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  EXPECT_THAT(cluster.LogOf(leader), HasSubstr("handing over"));
}

TEST(FailoverTest, AllNodesKilledAtOnceComeBackWithEverything) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));

  for (int node = 1; node <= cluster.size(); ++node) cluster.KillNode(node);
  for (int node = 1; node <= cluster.size(); ++node) cluster.StartNode(node);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  load.Stop();

  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  EXPECT_TRUE(cluster.AwaitEqualRevisions(kRecoveryLimit));
}

TEST(FailoverTest, BalancerKilledAndRestartedClientsGoOn) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));

  cluster.KillBalancer();
  cluster.StartBalancer();
  ASSERT_TRUE(load.AwaitMore(WritesAround(), kRecoveryLimit));
  load.Stop();

  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
}

// What may be the reason that nothing can be agreed on.
const auto kSaysWhy =
    AnyOf(HasSubstr("no leader"), HasSubstr("request timed out"), HasSubstr("no backend can take"));

class NoQuorumTest : public ::testing::TestWithParam<bool> {};

// Through the front door, and at the surviving node itself.
TEST_P(NoQuorumTest, WritesAndLinearizableReadsSayWhySerializableReadsAnswer) {
  Cluster cluster({});
  const bool through_front_door = GetParam();
  ASSERT_TRUE(Client(cluster.front_door()).Put("k", "v", absl::Seconds(5)).ok());
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kRecoveryLimit));
  const int survivor = cluster.Leader() % cluster.size() + 1;
  for (int node = 1; node <= cluster.size(); ++node) {
    if (node != survivor) cluster.KillNode(node);
  }
  Client client(through_front_door ? cluster.front_door() : cluster.node_address(survivor));

  constexpr absl::Duration kDeadline = absl::Seconds(4);
  etcdserverpb::RangeResponse response;
  const grpc::Status write = client.Put("k", "w", kDeadline);
  EXPECT_EQ(write.error_code(), grpc::StatusCode::UNAVAILABLE) << write.error_message();
  EXPECT_THAT(write.error_message(), kSaysWhy);
  const grpc::Status read = client.Get("k", Read::kLinearizable, kDeadline, &response);
  EXPECT_EQ(read.error_code(), grpc::StatusCode::UNAVAILABLE) << read.error_message();
  EXPECT_THAT(read.error_message(), kSaysWhy);

  response.Clear();
  const grpc::Status stale = client.Get("k", Read::kSerializable, kDeadline, &response);
  EXPECT_TRUE(stale.ok()) << stale.error_message();
  ASSERT_EQ(response.kvs_size(), 1);
  EXPECT_EQ(response.kvs(0).value(), "v");
}

INSTANTIATE_TEST_SUITE_P(Ways, NoQuorumTest, ::testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "ThroughTheFrontDoor" : "AtTheNode";
});

// Of a member that nobody has heard since the others started, only its place is known.
TEST(DoctorTest, MissesADeadMemberAfterTheOthersRestarted) {
  Cluster cluster({});
  const auto doctor = [&] {
    return testing::RunToEnd(
        {.argv = {Program("synodctl"), "--endpoints", cluster.node_address(1), "doctor"}},
        absl::Seconds(30));
  };
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kRecoveryLimit));
  const testing::Finished well = doctor();
  EXPECT_EQ(well.exit_code, 0) << well.output;
  for (int node = 1; node <= cluster.size(); ++node) cluster.KillNode(node);
  for (const int node : {1, 2}) cluster.StartNode(node);
  ASSERT_TRUE(cluster.AwaitServing(kRecoveryLimit));
  const testing::Finished ill = doctor();
  EXPECT_EQ(ill.exit_code, 5) << ill.output;
  EXPECT_THAT(ill.output, ::testing::HasSubstr("problem: "));
}

}  // namespace
}  // namespace synod::e2e
