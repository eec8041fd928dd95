#include "services/node/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace synod::node {
namespace {

using paxos::ConfigMember;
using paxos::Configuration;
using rpc::AddMember;
using rpc::MemberRefusal;
using rpc::PromoteMember;
using rpc::RemoveMember;
using rpc::UpdateMember;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr uint64_t kFresh = 0xf00d;

std::string UrlOf(uint64_t id) {
  return "http://host" + std::to_string(id) + ":2380";
}

ConfigMember Voter(uint64_t id, std::string name = "n") {
  return {NodeId(id), true, 0, MemberAttributes{std::move(name), {UrlOf(id)}, false}.Encode()};
}

ConfigMember Learner(uint64_t id, bool votes_when_ready) {
  return {NodeId(id), false, 0, MemberAttributes{"", {UrlOf(id)}, votes_when_ready}.Encode()};
}

Configuration Voters(const std::vector<uint64_t>& ids) {
  std::vector<ConfigMember> members;
  for (const uint64_t id : ids) members.push_back(Voter(id));
  return Configuration(std::move(members));
}

// Node 1 leads, everybody is connected and has been heard of.
MembershipFacts AllWell(const Configuration& configuration) {
  MembershipFacts facts;
  facts.self = NodeId(1);
  facts.chosen_through = Slot(10'000);
  for (const ConfigMember& member : configuration.members()) {
    facts.names[member.id] = "n" + std::to_string(member.id.value());
    if (member.id != facts.self) {
      facts.connected.insert(member.id);
      facts.steady.insert(member.id);
    }
    if (!member.voter) facts.learners[member.id] = {77, facts.chosen_through};
  }
  return facts;
}

MemberAttributes AttributesOf(const Configuration& configuration, uint64_t id) {
  const ConfigMember* member = configuration.Find(NodeId(id));
  return member == nullptr ? MemberAttributes() : *MemberAttributes::Parse(member->attributes);
}

TEST(MembershipTest, AttributesRoundTripAndRefuseOtherBytes) {
  const MemberAttributes attributes{"n1", {"http://a:1", "http://b:1"}, true};
  const std::string bytes = attributes.Encode();
  const auto parsed = MemberAttributes::Parse(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->name, "n1");
  EXPECT_THAT(parsed->peer_urls, ElementsAre("http://a:1", "http://b:1"));
  EXPECT_TRUE(parsed->votes_when_ready);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(MemberAttributes::Parse(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(MemberAttributes::Parse(bytes + "x").ok());
}

TEST(MembershipTest, EverybodyOfTheFlagsVotesAtFirst) {
  const Identity identity =
      DeriveIdentity("a", *ParseCluster("a=http://a:2,a=http://a:1,b=http://b:1"), "token");
  const Configuration first = FirstConfiguration(identity);
  EXPECT_EQ(first.voters().size(), 2u);
  EXPECT_EQ(FindByPeerUrls(first, {"http://a:2", "http://a:1"}), identity.self);
  EXPECT_EQ(FindByPeerUrls(first, {"http://a:1"}), NodeId());
  EXPECT_EQ(AttributesOf(first, identity.self.value()).name, "a");
  EXPECT_THAT(PeerAddresses(paxos::ConfigurationHistory(first)),
              ::testing::Contains(Pair(identity.self, "a:1")));
}

TEST(MembershipTest, AMemberIsAddedWithoutAVoteUntilItIsReady) {
  const Configuration now = Voters({1, 2, 3});
  const NextConfiguration next =
      ApplyChange(now, AddMember{{UrlOf(4)}, false}, AllWell(now), kFresh);
  ASSERT_TRUE(next.configuration);
  EXPECT_EQ(next.added, NodeId(kFresh));
  EXPECT_FALSE(next.configuration->IsVoter(next.added));
  EXPECT_TRUE(AttributesOf(*next.configuration, kFresh).votes_when_ready);

  MembershipFacts facts = AllWell(*next.configuration);
  EXPECT_EQ(ReadyForVote(*next.configuration, facts), next.added);
  facts.learners[next.added].chosen_through = Slot(5'000);
  EXPECT_EQ(ReadyForVote(*next.configuration, facts), NodeId()) << "far behind";
  facts = AllWell(*next.configuration);
  facts.connected.erase(next.added);
  EXPECT_EQ(ReadyForVote(*next.configuration, facts), NodeId()) << "not connected";
  facts = AllWell(*next.configuration);
  facts.learners[next.added].instance = 0;
  EXPECT_EQ(ReadyForVote(*next.configuration, facts), NodeId()) << "nobody knows its log";
}

TEST(MembershipTest, ALearnerThatIsToStayOneGetsNoVoteByItself) {
  const Configuration now = Voters({1, 2, 3});
  const NextConfiguration next =
      ApplyChange(now, AddMember{{UrlOf(4)}, true}, AllWell(now), kFresh);
  ASSERT_TRUE(next.configuration);
  EXPECT_EQ(ReadyForVote(*next.configuration, AllWell(*next.configuration)), NodeId());
}

TEST(MembershipTest, PromotionRecordsWhichLogMayVote) {
  const Configuration now({Voter(1), Learner(2, true)});
  const NextConfiguration next = ApplyChange(now, PromoteMember{NodeId(2)}, AllWell(now), kFresh);
  ASSERT_TRUE(next.configuration);
  EXPECT_TRUE(next.configuration->IsVoter(NodeId(2)));
  EXPECT_EQ(next.configuration->Find(NodeId(2))->instance, 77u);
  EXPECT_EQ(AttributesOf(*next.configuration, 2).name, "n2");
  EXPECT_FALSE(AttributesOf(*next.configuration, 2).votes_when_ready);
}

TEST(MembershipTest, UpdateMovesAMemberAndNothingElse) {
  const Configuration now({Voter(1), Voter(2), Learner(3, true)});
  const NextConfiguration next =
      ApplyChange(now, UpdateMember{NodeId(3), {"http://new:1"}}, AllWell(now), kFresh);
  ASSERT_TRUE(next.configuration);
  EXPECT_THAT(AttributesOf(*next.configuration, 3).peer_urls, ElementsAre("http://new:1"));
  EXPECT_TRUE(AttributesOf(*next.configuration, 3).votes_when_ready);
  EXPECT_EQ(*next.configuration->Find(NodeId(1)), *now.Find(NodeId(1)));
  // Its own old address is no obstacle.
  EXPECT_TRUE(ApplyChange(now, UpdateMember{NodeId(3), {UrlOf(3)}}, AllWell(now), 0).configuration);
}

TEST(MembershipTest, RemovedMembersAreGone) {
  const Configuration now = Voters({1, 2, 3});
  const NextConfiguration next = ApplyChange(now, RemoveMember{NodeId(2)}, AllWell(now), kFresh);
  ASSERT_TRUE(next.configuration);
  EXPECT_THAT(next.configuration->voters(), ElementsAre(NodeId(1), NodeId(3)));
}

struct RefusalCase {
  const char* name;
  Configuration now;
  rpc::MemberChange change;
  MemberRefusal refusal;
  void (*spoil)(MembershipFacts&) = [](MembershipFacts&) {};
};

TEST(MembershipTest, RefusesAsEtcdDoes) {
  const auto down2 = [](MembershipFacts& facts) {
    facts.connected.erase(NodeId(2));
    facts.steady.erase(NodeId(2));
  };
  const auto just_back2 = [](MembershipFacts& facts) { facts.steady.erase(NodeId(2)); };
  const auto never_heard_of_others = [](MembershipFacts& facts) {
    facts.names = {{NodeId(1), "n1"}};
  };
  const Configuration three = Voters({1, 2, 3});
  const Configuration unstarted({Voter(1), Voter(2, ""), Voter(3, "")});
  const Configuration learning({Voter(1), Voter(2), Learner(3, false)});
  const RefusalCase cases[] = {
      {"add a URL that is taken", three, AddMember{{"http://x:1", UrlOf(2)}, false},
       MemberRefusal::kPeerUrlExists},
      {"add while a voter is down", three, AddMember{{UrlOf(4)}, false}, MemberRefusal::kUnhealthy,
       down2},
      {"add a learner while a voter is down", three, AddMember{{UrlOf(4)}, true},
       MemberRefusal::kUnhealthy, down2},
      {"add while a voter has just come back", three, AddMember{{UrlOf(4)}, false},
       MemberRefusal::kUnhealthy, just_back2},
      {"add a second learner", learning, AddMember{{UrlOf(4)}, true},
       MemberRefusal::kTooManyLearners},
      {"add to voters that never started", unstarted, AddMember{{UrlOf(4)}, false},
       MemberRefusal::kNotEnoughStarted, never_heard_of_others},
      {"add a third while the second has not started", Configuration({Voter(1), Learner(2, true)}),
       AddMember{{UrlOf(3)}, false}, MemberRefusal::kNotEnoughStarted, never_heard_of_others},
      {"remove a stranger", three, RemoveMember{NodeId(9)}, MemberRefusal::kNotFound},
      {"remove the last voter", Voters({1}), RemoveMember{NodeId(1)},
       MemberRefusal::kNotEnoughStarted},
      {"remove the last voter beside a learner", Configuration({Voter(1), Learner(2, false)}),
       RemoveMember{NodeId(1)}, MemberRefusal::kNotEnoughStarted},
      {"remove a working voter while another is down", three, RemoveMember{NodeId(3)},
       MemberRefusal::kUnhealthy, down2},
      {"remove a working voter while another has just come back", three, RemoveMember{NodeId(3)},
       MemberRefusal::kUnhealthy, just_back2},
      {"remove one that has just come back", three, RemoveMember{NodeId(2)},
       MemberRefusal::kUnhealthy, just_back2},
      {"remove one of voters that never started", unstarted, RemoveMember{NodeId(3)},
       MemberRefusal::kNotEnoughStarted, never_heard_of_others},
      {"update a stranger", three, UpdateMember{NodeId(9), {UrlOf(9)}}, MemberRefusal::kNotFound},
      {"update to a URL that is taken", three, UpdateMember{NodeId(2), {UrlOf(3)}},
       MemberRefusal::kPeerUrlExists},
      {"promote a stranger", three, PromoteMember{NodeId(9)}, MemberRefusal::kNotFound},
      {"promote a voter", three, PromoteMember{NodeId(2)}, MemberRefusal::kNotLearner},
      {"promote a learner far behind", learning, PromoteMember{NodeId(3)},
       MemberRefusal::kLearnerNotReady,
       [](MembershipFacts& facts) { facts.learners[NodeId(3)].chosen_through = Slot(8'999); }},
      {"promote a learner never heard of", learning, PromoteMember{NodeId(3)},
       MemberRefusal::kLearnerNotReady, [](MembershipFacts& facts) { facts.learners.clear(); }},
  };
  for (const RefusalCase& one : cases) {
    MembershipFacts facts = AllWell(one.now);
    one.spoil(facts);
    const NextConfiguration next = ApplyChange(one.now, one.change, facts, kFresh);
    EXPECT_EQ(next.refusal, one.refusal) << one.name;
    EXPECT_FALSE(next.configuration) << one.name;
  }
}

TEST(MembershipTest, ADeadMemberMayBeRemovedAndAClusterOfOneMayGrow) {
  const Configuration three = Voters({1, 2, 3});
  MembershipFacts facts = AllWell(three);
  facts.connected.erase(NodeId(2));
  facts.steady.erase(NodeId(2));
  EXPECT_TRUE(ApplyChange(three, RemoveMember{NodeId(2)}, facts, 0).configuration);
  const Configuration one = Voters({1});
  EXPECT_TRUE(ApplyChange(one, AddMember{{UrlOf(2)}, false}, AllWell(one), kFresh).configuration);
}

TEST(MembershipTest, ANewIdIsNobodysAndNeverZero) {
  const Configuration now = Voters({1, 2, 3});
  EXPECT_EQ(ApplyChange(now, AddMember{{UrlOf(4)}, false}, AllWell(now), 0).added, NodeId(4));
}

}  // namespace
}  // namespace synod::node
