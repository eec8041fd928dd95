#include "balancer/control/cluster_map.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/balancer/control/facts_for_tests.h"

namespace synod::balancer {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(ClusterMapTest, LearnsClusterMembersAndLeaderFromOneNode) {
  ClusterMap map;
  map.Update({{AddressOfNode(1), FactsFor(ViewOf(1))}}, ThreeSeeds());
  EXPECT_EQ(map.cluster_id(), kCluster);
  EXPECT_THAT(map.members(), SizeIs(3));
  EXPECT_EQ(map.leader_id(), 2);
}

TEST(ClusterMapTest, TheHighestBallotWinsWhoeverClaimsIt) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  facts[AddressOfNode(3)].view->leader_id = 1;
  facts[AddressOfNode(3)].view->leader_ballot = {8, 1};
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.leader_id(), 1);

  // n3 goes away; the others' old claims do not bring n2 back.
  facts[AddressOfNode(3)] = Unreachable();
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.leader_id(), 1);
  EXPECT_EQ(map.leader_ballot().round, 8);
}

TEST(ClusterMapTest, EqualRoundsAreOrderedByNodeAndNoLeaderClaimsNothing) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  facts[AddressOfNode(1)].view->leader_id = 3;
  facts[AddressOfNode(1)].view->leader_ballot = {7, 3};
  facts[AddressOfNode(3)].view->leader_id = 0;
  facts[AddressOfNode(3)].view->leader_ballot = {9, 3};
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.leader_id(), 3);
}

TEST(ClusterMapTest, MembersFollowTheHighestConfigurationOnly) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  facts[AddressOfNode(2)].view->configuration_version = 2;
  facts[AddressOfNode(2)].view->members.push_back(MemberOf(4));
  map.Update(facts, ThreeSeeds());
  EXPECT_THAT(map.members(), SizeIs(4));
  facts[AddressOfNode(2)] = Unreachable();
  map.Update(facts, ThreeSeeds());
  EXPECT_THAT(map.members(), SizeIs(4));
}

TEST(ClusterMapTest, AListWithoutVotersIsNeverApplied) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  map.Update(facts, ThreeSeeds());
  for (auto& [address, about] : facts) {
    about.view->configuration_version = 9;
    about.view->members.clear();
  }
  map.Update(facts, ThreeSeeds());
  EXPECT_THAT(map.members(), SizeIs(3));
  facts[AddressOfNode(1)].view->members = {MemberOf(5)};
  facts[AddressOfNode(1)].view->members[0].learner = true;
  map.Update(facts, ThreeSeeds());
  EXPECT_THAT(map.members(), SizeIs(3));
}

TEST(ClusterMapTest, ANodeThatLagsDoesNotHideAddressesOthersKnow) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  for (Member& member : facts[AddressOfNode(3)].view->members) {
    member.client_addresses.clear();
    member.name.clear();
  }
  map.Update(facts, ThreeSeeds());
  for (const Member& member : map.members()) {
    EXPECT_THAT(member.client_addresses, ElementsAre(AddressOfNode(member.id)));
    EXPECT_EQ(member.name, absl::StrCat("n", member.id));
  }
}

TEST(ClusterMapTest, AMistypedSeedThatAnswersFirstDoesNotKeepTheOthersOut) {
  ClusterMap map;
  FactsByAddress facts;
  facts[AddressOfNode(3)] = FactsFor(ViewOf(3));
  facts[AddressOfNode(3)].view->cluster_id = 0xbad;
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.cluster_id(), 0xbad);
  facts[AddressOfNode(1)] = FactsFor(ViewOf(1));
  facts[AddressOfNode(2)] = FactsFor(ViewOf(2));
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.cluster_id(), kCluster);
}

TEST(ClusterMapTest, OnceAMajorityAgreedTheClusterNeverChanges) {
  ClusterMap map;
  FactsByAddress facts = ThreeNodes();
  facts[AddressOfNode(3)].view->cluster_id = 0xbad;
  facts[AddressOfNode(3)].view->configuration_version = 99;
  facts[AddressOfNode(3)].view->leader_ballot = {99, 1};
  facts[AddressOfNode(3)].view->leader_id = 1;
  map.Update(facts, ThreeSeeds());
  facts[AddressOfNode(1)] = Unreachable();
  facts[AddressOfNode(2)] = Unreachable();
  map.Update(facts, ThreeSeeds());
  EXPECT_EQ(map.cluster_id(), kCluster);
  EXPECT_EQ(map.leader_id(), 2);
}

class AddressOfTest : public ::testing::Test {
 protected:
  std::optional<std::string> Address(const Member& member) {
    map_.Update(facts_, {"seed:1"});
    return AddressOf(map_, member, facts_, {"seed:1"});
  }

  ClusterMap map_;
  FactsByAddress facts_{{"seed:1", FactsFor(ViewOf(1))}};
};

TEST_F(AddressOfTest, ASeedThatSpeaksForTheMemberBeatsWhatItAdvertises) {
  EXPECT_EQ(Address(MemberOf(1)), "seed:1");
  EXPECT_EQ(Address(MemberOf(2)), AddressOfNode(2));
  Member silent = MemberOf(3);
  silent.client_addresses.clear();
  EXPECT_EQ(Address(silent), std::nullopt);
}

TEST_F(AddressOfTest, ASeedOfAnotherClusterSpeaksForNoOne) {
  Address(MemberOf(1));
  facts_["seed:1"].view->cluster_id = 0xbad;
  EXPECT_EQ(Address(MemberOf(1)), AddressOfNode(1));
}

TEST_F(AddressOfTest, AConnectedAddressBeatsASeedThatWasLost) {
  Address(MemberOf(1));
  facts_["seed:1"].connected = false;
  EXPECT_EQ(Address(MemberOf(1)), "seed:1");
  facts_[AddressOfNode(1)] = FactsFor(ViewOf(1));
  EXPECT_EQ(Address(MemberOf(1)), AddressOfNode(1));
}

TEST(AddressesToFollowTest, AreTheSeedsAndTheMembersNoConnectedSeedSpeaksFor) {
  ClusterMap map;
  FactsByAddress facts;
  facts["seed:1"] = FactsFor(ViewOf(1));
  map.Update(facts, {"seed:1"});
  EXPECT_THAT(AddressesToFollow(map, facts, {"seed:1"}),
              ElementsAre(AddressOfNode(2), AddressOfNode(3), "seed:1"));
  facts["seed:1"].connected = false;
  EXPECT_THAT(AddressesToFollow(map, facts, {"seed:1"}),
              ElementsAre(AddressOfNode(1), AddressOfNode(2), AddressOfNode(3), "seed:1"));
}

}  // namespace
}  // namespace synod::balancer
