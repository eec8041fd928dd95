#include "services/node/joining.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "services/node/identity.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "tests/support/temp_dir.h"

namespace synod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

using Answer = absl::StatusOr<rpc::JoinAnswer>;

const absl::Status kNobodyThere = absl::UnavailableError("connection refused");
const absl::Status kStranger = absl::NotFoundError("no member has these peer URLs");

Answer Knows(uint64_t member, uint64_t version) {
  rpc::JoinAnswer answer;
  answer.cluster = ClusterId(0xc1);
  answer.member = NodeId(member);
  answer.configuration_version = version;
  answer.members = {{NodeId(1), "a", {"http://a:1"}, {}, false},
                    {NodeId(2), "b", {"http://b:1", "http://b:2"}, {}, false},
                    {NodeId(member), "", {"http://c:1"}, {}, true}};
  return answer;
}

// Node c of a, b and c; a and b answer what the test says.
class JoiningTest : public ::testing::Test {
 protected:
  JoiningTest() {
    options_.name = std::string("c");  // a plain literal makes GCC 12 warn wrongly at -O2
    options_.data_dir = dir_ / "data";
    options_.initial_cluster = *ParseCluster("a=http://a:1,b=http://b:1,c=http://c:1,c=http://c:2");
    options_.join_existing = true;
  }

  Asking MakeAsking() {
    return {[this](const std::string& address, const std::vector<std::string>& peer_urls) {
              asked_.push_back(address);
              own_urls_ = peer_urls;
              return answers_.at(address);
            },
            [this] {
              on_pause_();
              return pauses_left_-- > 0;
            },
            [this] { return stopped_; }};
  }
  absl::StatusOr<RunningCluster> Ask() { return AskRunningCluster(options_, MakeAsking()); }
  absl::StatusOr<WhoIAm> FindOut() { return FindOutWhoIAm(options_, MakeAsking()); }

  void OwnDirectory(ClusterId cluster, NodeId node) {
    storage::Env* const env = storage::Env::Posix();
    ASSERT_TRUE(env->CreateDirs(options_.data_dir + "/log").ok());
    ASSERT_TRUE(storage::WriteIdentity(env, options_.data_dir + "/log", {cluster, node}).ok());
  }
  Identity Founder() const {
    return DeriveIdentity(options_.name, options_.initial_cluster, options_.initial_cluster_token);
  }

  const testing::TempDir dir_;
  NodeOptions options_;
  std::map<std::string, Answer> answers_ = {{"a:1", kNobodyThere}, {"b:1", kNobodyThere}};
  int pauses_left_ = 3;
  bool stopped_ = false;
  std::function<void()> on_pause_ = [] {};
  std::vector<std::string> asked_;
  std::vector<std::string> own_urls_;
};

TEST_F(JoiningTest, IsWhoTheOthersSayItIs) {
  answers_["a:1"] = Knows(7, 3);
  const auto running = Ask();
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_EQ(running->cluster, ClusterId(0xc1));
  EXPECT_EQ(running->self, NodeId(7));
  EXPECT_EQ(running->configuration_version, 3u);
  EXPECT_THAT(running->peers, ElementsAre(Pair(NodeId(1), "a:1"), Pair(NodeId(2), "b:1")));
  EXPECT_THAT(asked_, ElementsAre("a:1", "b:1")) << "all the others, and not itself";
  EXPECT_THAT(own_urls_, ElementsAre("http://c:1", "http://c:2"));
}

TEST_F(JoiningTest, BelievesWhoKnowsTheNewestConfiguration) {
  for (const bool first : {true, false}) {
    answers_["a:1"] = first ? Knows(8, 5) : Knows(7, 3);
    answers_["b:1"] = first ? Knows(7, 3) : Knows(8, 5);
    const auto running = Ask();
    ASSERT_TRUE(running.ok()) << running.status();
    EXPECT_EQ(running->self, NodeId(8));
  }
}

TEST_F(JoiningTest, OneThatKnowsItCountsMoreThanOneThatIsBehind) {
  answers_["a:1"] = kStranger;
  answers_["b:1"] = Knows(7, 3);
  EXPECT_TRUE(Ask().ok());
}

TEST_F(JoiningTest, WhoIsNoMemberIsToldHowToBecomeOne) {
  answers_["b:1"] = kStranger;
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("member add c --peer-urls=http://c:1,http://c:2"));
  EXPECT_EQ(pauses_left_, 3) << "waiting would not make it one";
}

TEST_F(JoiningTest, AsksAgainUntilSomebodyIsThere) {
  on_pause_ = [this] {
    if (pauses_left_ == 2) answers_["b:1"] = Knows(7, 3);
  };
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(asked_.size(), 6u);
}

TEST_F(JoiningTest, GivesUpInTheEnd) {
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("b at b:1: connection refused"));
  EXPECT_EQ(asked_.size(), 8u) << "once, and after each of three pauses";
}

TEST_F(JoiningTest, StopsWhenToldTo) {
  on_pause_ = [this] { stopped_ = true; };
  EXPECT_EQ(Ask().status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(asked_, ElementsAre("a:1", "b:1")) << "once";
}

TEST_F(JoiningTest, AnotherReleaseIsNotWaitedFor) {
  answers_["b:1"] = absl::FailedPreconditionError("peer protocol 3");
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("b at b:1: peer protocol 3"));
  EXPECT_EQ(pauses_left_, 3);
}

TEST_F(JoiningTest, NeedsSomebodyToAsk) {
  options_.initial_cluster = *ParseCluster("c=http://c:1");
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--initial-cluster-state=new"));
}

TEST_F(JoiningTest, AFounderIsWhoTheFlagsMakeIt) {
  options_.join_existing = false;
  const auto self = FindOut();
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->cluster, Founder().cluster);
  EXPECT_EQ(self->self, Founder().self);
  ASSERT_TRUE(self->first);
  EXPECT_EQ(self->first->voters().size(), 3u);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(JoiningTest, AnEmptyDirectoryJoinsByAsking) {
  answers_["a:1"] = Knows(7, 3);
  const auto self = FindOut();
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->cluster, ClusterId(0xc1));
  EXPECT_EQ(self->self, NodeId(7));
  EXPECT_FALSE(self->first) << "it was not there when the cluster was founded";
  ASSERT_TRUE(self->running);
  EXPECT_EQ(self->running->configuration_version, 3u);
}

TEST_F(JoiningTest, AStateWhoseLogIsGoneIsToldAtOnce) {
  ASSERT_TRUE(storage::Env::Posix()->CreateDirs(options_.data_dir + "/state").ok());
  EXPECT_TRUE(absl::IsDataLoss(FindOut().status()));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(JoiningTest, ADirectoryKnowsWhoseItIs) {
  OwnDirectory(ClusterId(0xc1), NodeId(7));
  const auto self = FindOut();
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->cluster, ClusterId(0xc1));
  EXPECT_EQ(self->self, NodeId(7));
  EXPECT_FALSE(self->first);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(JoiningTest, AFounderStaysOneWhateverTheFlagSays) {
  OwnDirectory(Founder().cluster, Founder().self);
  const auto self = FindOut();
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_TRUE(self->first);
}

// The flags found another cluster than the directory is of: opening it says so.
TEST_F(JoiningTest, ANewClusterIsNotFoundedInSomebodysDirectory) {
  OwnDirectory(ClusterId(0xc1), NodeId(7));
  options_.join_existing = false;
  const auto self = FindOut();
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->cluster, Founder().cluster);
}

}  // namespace
}  // namespace synod::node
