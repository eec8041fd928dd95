#include "services/node/corruption_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "tests/support/await.h"
#include "tests/unit/rpc/test_node.h"

namespace synod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

MemberHash Hash(uint64_t member, uint32_t hash, kv::Revision floor = -1) {
  return {NodeId(member), {.hash = hash, .compact_revision = floor, .revision = 9}};
}

TEST(DeviatingTest, NamesWhoHoldsWhatTheMajorityDoesNot) {
  const NodeId one(1), two(2), three(3);
  EXPECT_THAT(Deviating({}, 3), IsEmpty());
  EXPECT_THAT(Deviating({Hash(1, 7)}, 3), IsEmpty());
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 7), Hash(3, 7)}, 3), IsEmpty());
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 8), Hash(3, 7)}, 3), ElementsAre(two));
  EXPECT_THAT(Deviating({Hash(1, 8), Hash(2, 7), Hash(3, 7)}, 3), ElementsAre(one)) << "the leader";
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 7), Hash(3, 8), Hash(4, 9), Hash(5, 7)}, 5),
              ElementsAre(three, NodeId(4)));
}

TEST(DeviatingTest, NamesAllWhenNoMajorityAgrees) {
  const NodeId one(1), two(2), three(3);
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 8)}, 2), ElementsAre(one, two));
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 8)}, 3), ElementsAre(one, two)) << "one is away";
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 8), Hash(3, 9)}, 3), ElementsAre(one, two, three));
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 7), Hash(3, 8)}, 5), ElementsAre(one, two, three));
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 7), Hash(3, 8), Hash(4, 8)}, 4),
              ElementsAre(one, two, three, NodeId(4)));
}

TEST(DeviatingTest, LearnersAreComparedAndCountForNothing) {
  MemberHash learner = Hash(4, 8);
  learner.votes = false;
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 7), learner}, 3), ElementsAre(NodeId(4)));
  EXPECT_THAT(Deviating({Hash(1, 7), learner}, 1), ElementsAre(NodeId(4)));
  EXPECT_THAT(Deviating({Hash(1, 7), Hash(2, 8), learner}, 3),
              ElementsAre(NodeId(1), NodeId(2), NodeId(4)));
}

// One member had applied a compaction by then: its hash is of something else.
TEST(DeviatingTest, ComparesOnlyHashesOfOneCompactionFloor) {
  EXPECT_THAT(Deviating({Hash(1, 7, 3), Hash(2, 8, 4), Hash(3, 8, 4)}, 3), IsEmpty());
  EXPECT_THAT(Deviating({Hash(1, 7, 3), Hash(2, 8, 4), Hash(3, 9, 4)}, 3),
              ElementsAre(NodeId(2), NodeId(3)));
}

class CorruptionWatchTest : public ::testing::Test {
 protected:
  CorruptionWatchTest() {
    node_.SetMembers({{kSelf, "n1", {}, {}, false},
                      {NodeId(0xa2), "n2", {}, {}, false},
                      {NodeId(0xa3), "n3", {}, {}, false}});
    node_.Apply(kv::PutRequest{.key = "a", .value = "1"});
  }

  std::vector<kv::Alarm> Raised() {
    return node_.View()->Alarms(kv::AlarmType::kNone).response.alarms;
  }

  // What a member answers that holds the same as this one, or something else.
  kv::HashResponse Same() {
    return node_.View()->Hash(asked_, [] { return false; }).response;
  }
  kv::HashResponse Other() {
    kv::HashResponse hash = Same();
    ++hash.hash;
    return hash;
  }

  static constexpr NodeId kSelf{0xa1};

  SystemClock clock_;
  rpc::TestNode node_;
  Log log_{{}, &clock_, [](absl::string_view) {}};
  kv::Revision asked_ = 0;
  std::map<NodeId, std::function<absl::StatusOr<kv::HashResponse>()>> answers_;
  CorruptionWatch watch_{&node_,
                         [this](NodeId member, kv::Revision revision, kv::GiveUp) {
                           asked_ = revision;
                           return answers_[member]();
                         },
                         &log_};
};

TEST_F(CorruptionWatchTest, RaisesNothingWhenAllHoldTheSame) {
  answers_ = {{NodeId(0xa2), [this] { return Same(); }}, {NodeId(0xa3), [this] { return Same(); }}};
  watch_.Compare();
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST_F(CorruptionWatchTest, RaisesTheAlarmOfTheMemberThatDiffers) {
  answers_ = {{NodeId(0xa2), [this] { return Same(); }},
              {NodeId(0xa3), [this] { return Other(); }}};
  watch_.Compare();
  const kv::Alarm alarm{NodeId(0xa3), kv::AlarmType::kCorrupt};
  EXPECT_THAT(Raised(), ElementsAre(alarm));
  watch_.Compare();
  EXPECT_THAT(Raised(), ElementsAre(alarm));
}

TEST_F(CorruptionWatchTest, RaisesItsOwnAlarmWhenTheOthersAgree) {
  answers_ = {{NodeId(0xa2), [this] { return Other(); }},
              {NodeId(0xa3), [this] { return Other(); }}};
  watch_.Compare();
  EXPECT_THAT(Raised(), ElementsAre(kv::Alarm{kSelf, kv::AlarmType::kCorrupt}));
}

TEST_F(CorruptionWatchTest, LeavesOutWhoDoesNotAnswer) {
  answers_ = {{NodeId(0xa2), [] { return absl::UnavailableError("down"); }},
              {NodeId(0xa3), [this] { return Same(); }}};
  watch_.Compare();
  EXPECT_THAT(Raised(), IsEmpty());
  answers_[NodeId(0xa3)] = [] { return absl::DataLossError("cannot read its own store"); };
  watch_.Compare();
  EXPECT_THAT(Raised(), IsEmpty());
}

TEST_F(CorruptionWatchTest, IsTheLeadersBusiness) {
  for (const NodeId member : {NodeId(0xa2), NodeId(0xa3)}) {
    answers_[member] = [this] { return Other(); };
  }
  node_.SetLeader(NodeId(0xa2));
  watch_.Compare();
  EXPECT_THAT(Raised(), IsEmpty());
  EXPECT_EQ(asked_, 0);
}

TEST_F(CorruptionWatchTest, TriesAgainWhenTheAlarmIsNotTakenAtOnce) {
  for (const NodeId member : {NodeId(0xa2), NodeId(0xa3)}) {
    answers_[member] = [this] { return Other(); };
  }
  node_.Stall(true);
  std::thread comparing([this] { watch_.Compare(); });
  EXPECT_TRUE(node_.AwaitStalled(1));
  const absl::Duration first = node_.last_deadline();
  EXPECT_TRUE(testing::Await(absl::Seconds(20), [&] { return node_.last_deadline() > first; }));
  node_.Stall(false);
  comparing.join();
  EXPECT_THAT(Raised(), ElementsAre(kv::Alarm{kSelf, kv::AlarmType::kCorrupt}));
}

TEST_F(CorruptionWatchTest, StopsInTheMiddle) {
  answers_ = {{NodeId(0xa2), [this] {
                 watch_.Stop();
                 return Other();
               }}};
  watch_.Compare();  // does not ask the third
  EXPECT_THAT(Raised(), IsEmpty());
}

}  // namespace
}  // namespace synod::node
