#include "services/node/space_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

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
    return {limits, {[this] { return free_; }, [this] { return log_is_short_; }}, &node_, &log_};
  }

  std::vector<kv::Alarm> Raised() {
    return node_.View()->Alarms(kv::AlarmType::kNone).response.alarms;
  }
  Slot applied() { return node_.Status().applied; }

  void Disarm() {
    node_.Apply(kv::AlarmRequest{.action = kv::AlarmAction::kDeactivate, .alarm = kOurs});
  }

  static constexpr kv::Alarm kOurs{NodeId(0xa1), kv::AlarmType::kNoSpace};

  SystemClock clock_;
  absl::StatusOr<uint64_t> free_ = 100;
  bool log_is_short_ = false;
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

TEST_F(SpaceWatchTest, RaisesTheAlarmWhenTheLogIsShort) {
  SpaceWatch watch = Watch({});
  log_is_short_ = true;
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, WithoutLimitsNothingIsEverShort) {
  SpaceWatch watch = Watch({});
  free_ = 0;
  watch.Look();
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST_F(SpaceWatchTest, RaisesItOnceAndAgainWhenDisarmedTooEarly) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  for (int i = 0; i < 5; ++i) watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
  EXPECT_EQ(applied(), Slot(1));
  Disarm();
  watch.Look();
  EXPECT_THAT(Raised(), ElementsAre(kOurs));
}

TEST_F(SpaceWatchTest, AMemberThatIsBehindDoesNotRaiseItAgain) {
  SpaceWatch watch = Watch({.reserve_bytes = 1000});
  node_.ApplyWhenAwaited(kv::AlarmRequest{.alarm = kOurs});
  watch.Look();
  EXPECT_EQ(applied(), Slot(1));
}

TEST_F(SpaceWatchTest, RoomMadeBeforeTheAlarmWasDisarmedCounts) {
  // The first probe is older than the disarming, the second is not.
  int probes = 0;
  const auto free = [&] { return ++probes == 1 ? 100 : 5000; };
  SpaceWatch watch({.reserve_bytes = 1000}, {free, [] { return false; }}, &node_, &log_);
  watch.Look();
  EXPECT_EQ(probes, 2);
  EXPECT_THAT(Raised(), IsEmpty());
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
