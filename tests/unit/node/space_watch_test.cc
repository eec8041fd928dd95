#include "services/node/space_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/unit/rpc/test_node.h"

namespace synod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SpaceWatchTest : public ::testing::Test {
 protected:
  // The node's database has 4096 bytes.
  SpaceWatch Watch(SpaceWatch::Limits limits) {
    return {limits, [this] { return free_; }, &node_, &log_};
  }

  // The alarms, once everything proposed before has been applied.
  std::vector<kv::Alarm> Raised() {
    absl::Notification applied;
    node_.AwaitReadable(node_.Now() + absl::Seconds(20), [&](rpc::Failure) { applied.Notify(); });
    applied.WaitForNotification();
    return node_.View()->Alarms(kv::AlarmType::kNone).response.alarms;
  }
  Slot applied() { return node_.Status().applied; }

  void Disarm() {
    node_.Apply(kv::AlarmRequest{.action = kv::AlarmAction::kDeactivate, .alarm = kOurs});
  }

  static constexpr kv::Alarm kOurs{NodeId(0xa1), kv::AlarmType::kNoSpace};

  SystemClock clock_;
  absl::StatusOr<uint64_t> free_ = 100;
  rpc::TestNode node_;
  Log log_{{}, &clock_, [](absl::string_view) {}};
};

TEST_F(SpaceWatchTest, RaisesTheAlarmBelowTheReserve) {
  SpaceWatch watch = Watch({.reserve_bytes = 100});
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
  free_ = 99;
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, RaisesTheAlarmAtTheQuota) {
  SpaceWatch below = Watch({.quota_bytes = 4097});
  below.Look();
  EXPECT_THAT(Raised(), IsEmpty());
  SpaceWatch at = Watch({.quota_bytes = 4096});
  at.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, WithoutLimitsNothingIsEverShort) {
  SpaceWatch watch = Watch({});
  free_ = 0;
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST_F(SpaceWatchTest, ProposesOnceAndAgainWhenDisarmedTooEarly) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  node_.Stall(true);
  for (int i = 0; i < 5; ++i) watch.Look();  // the first is under way
  ASSERT_TRUE(node_.AwaitStalled(1));
  node_.Stall(false);
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
  EXPECT_EQ(applied(), Slot(1));
  for (int i = 0; i < 5; ++i) watch.Look();  // it is raised
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
  EXPECT_EQ(applied(), Slot(1));
  Disarm();
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, ClearsNothingByItself) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
  free_ = 5000;
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
  Disarm();
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST_F(SpaceWatchTest, AnotherMembersAlarmIsNotItsOwn) {
  node_.Apply(kv::AlarmRequest{.alarm = {NodeId(0xa2), kv::AlarmType::kNoSpace}});
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  watch.Look();
  EXPECT_THAT(Raised(), SizeIs(2));
}

TEST_F(SpaceWatchTest, TriesAgainAfterAFailure) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  node_.FailWith(rpc::Failure::kNoLeader);
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
  node_.FailWith(rpc::Failure::kNone);
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, ADiskThatCannotBeAskedRaisesNothing) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  free_ = absl::InternalError("free space of /x: no answer");
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST(FreeBytesTest, KnowsTheFileSystemOfAPath) {
  const auto free = FreeBytes("/");
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_GT(*free, 0u);
  const absl::Status absent = FreeBytes("/no such place").status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(absent.message()), HasSubstr("/no such place"));
}

}  // namespace
}  // namespace synod::node
