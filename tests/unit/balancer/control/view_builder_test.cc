#include "balancer/control/view_builder.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/balancer/control/facts_for_tests.h"

namespace synod::balancer {
namespace {

using enum BackendState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class ViewBuilderTest : public ::testing::Test {
 protected:
  ViewBuilderTest() {
    inputs_.seeds = ThreeSeeds();
    inputs_.facts = ThreeNodes();
    inputs_.now = kNow;
  }

  View Build() {
    inputs_.cluster.Update(inputs_.facts, inputs_.seeds);
    return BuildView(inputs_);
  }
  BackendFacts& facts(uint64_t id) { return inputs_.facts[AddressOfNode(id)]; }
  static const Backend& Find(const View& view, absl::string_view name) {
    for (const Backend& backend : view.backends) {
      if (backend.name == name || backend.address == name) return backend;
    }
    ADD_FAILURE() << "no backend " << name;
    return view.backends.front();
  }
  static std::vector<std::string> NamesOf(const View& view) {
    std::vector<std::string> names;
    for (const Backend& backend : view.backends) names.push_back(backend.name);
    return names;
  }

  ViewInputs inputs_;
};

TEST_F(ViewBuilderTest, AHealthyClusterIsReadyAndHasItsLeader) {
  const View view = Build();
  EXPECT_THAT(NamesOf(view), ElementsAre("n1", "n2", "n3"));
  for (const Backend& backend : view.backends) {
    EXPECT_EQ(backend.state, kReady) << backend.reason;
    EXPECT_EQ(backend.role, BackendRole::kVoter);
    EXPECT_EQ(backend.applied_slot, 100);
  }
  ASSERT_TRUE(view.leader);
  EXPECT_EQ(view.backends[*view.leader].name, "n2");
  EXPECT_EQ(view.leader_ballot_round, 7);
  EXPECT_EQ(view.cluster_id, kCluster);
}

// Writes still go there; but who asks who leads is not told a name.
TEST_F(ViewBuilderTest, WithoutAQuorumTheLastLeaderIsOnlyAHint) {
  EXPECT_EQ(Build().ConfirmedLeader()->name, "n2");
  facts(2).connected = facts(3).connected = false;
  EXPECT_EQ(Build().ConfirmedLeader()->name, "n2") << "n1 may still hear it";
  facts(1).view->quorum_contact_age = absl::Seconds(4);
  EXPECT_EQ(Build().ConfirmedLeader(), nullptr);
  facts(1).view->quorum_contact_age = absl::Seconds(1);
  facts(1).view->leader_id = 0;
  const View view = Build();
  EXPECT_EQ(view.ConfirmedLeader(), nullptr);
  ASSERT_TRUE(view.leader);
  EXPECT_EQ(view.backends[*view.leader].name, "n2");
}

TEST_F(ViewBuilderTest, StatesAndReasons) {
  struct Case {
    const char* what;
    std::function<void(ViewInputs&, BackendFacts&)> change;
    BackendState state;
    const char* reason;
    bool last_resort;
  };
  const Case cases[] = {
      {"lost",
       [](auto&, auto& f) {
         f.connected = false;
         f.problem = "cannot be reached: X";
       },
       kConnecting, "cannot be reached: X", false},
      {"unhealthy", [](auto&, auto& f) { f.health = Health::kNotServing; }, kUnhealthy,
       "NOT_SERVING", true},
      {"health unknown", [](auto&, auto& f) { f.health = Health::kUnknown; }, kReady, "", false},
      {"cut off", [](auto&, auto& f) { f.view->quorum_contact_age = absl::Seconds(4); }, kUnhealthy,
       "no quorum", true},
      {"silent", [](auto&, auto& f) { f.heard_at = kNow - absl::Seconds(4); }, kUnhealthy,
       "no quorum", true},
      {"an election long", [](auto&, auto& f) { f.view->quorum_contact_age = absl::Seconds(2); },
       kReady, "", false},
      {"drained by name", [](auto& in, auto&) { in.drained = {"n1"}; }, kDraining, "administrator",
       false},
      {"drained by address", [](auto& in, auto&) { in.drained = {AddressOfNode(1)}; }, kDraining,
       "administrator", false},
      {"ejected", [](auto& in, auto&) { in.ejected = {AddressOfNode(1)}; }, kEjected, "in a row",
       false},
      {"ejected and lost",
       [](auto& in, auto& f) {
         in.ejected = {AddressOfNode(1)};
         f.connected = false;
       },
       kConnecting, "not connected", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    inputs_ = ViewInputs();
    inputs_.seeds = ThreeSeeds();
    inputs_.facts = ThreeNodes();
    inputs_.now = kNow;
    Build();  // The map is known before the change.
    c.change(inputs_, facts(1));
    const View view = Build();
    const Backend& backend = Find(view, "n1");
    EXPECT_EQ(backend.state, c.state);
    EXPECT_THAT(backend.reason, HasSubstr(c.reason));
    EXPECT_EQ(backend.last_resort, c.last_resort);
    EXPECT_EQ(Find(view, "n2").state, kReady);
  }
}

TEST_F(ViewBuilderTest, BeforeAnyViewEverySeedIsABackendThatConnects) {
  for (uint64_t id = 1; id <= 3; ++id) facts(id) = BackendFacts();
  facts(2) = Unreachable();
  facts(3).connected = true;
  facts(3).speaks_cluster = false;
  const View view = Build();
  EXPECT_THAT(NamesOf(view), ElementsAre(AddressOfNode(1), AddressOfNode(2), AddressOfNode(3)));
  EXPECT_EQ(view.backends[0].state, kConnecting);
  EXPECT_THAT(view.backends[1].reason, HasSubstr("refused"));
  EXPECT_EQ(view.backends[2].state, kUnhealthy);
  EXPECT_THAT(view.backends[2].reason, HasSubstr("--generic"));
  EXPECT_FALSE(view.leader);
}

TEST_F(ViewBuilderTest, MembersBeyondTheSeedsAppearAndThoseRemovedGo) {
  inputs_.seeds = {AddressOfNode(1)};
  inputs_.facts = {{AddressOfNode(1), FactsFor(ViewOf(1))}};
  EXPECT_THAT(NamesOf(Build()), ElementsAre("n1", "n2", "n3"));
  facts(1).view->configuration_version = 2;
  facts(1).view->members = {MemberOf(1), MemberOf(3), MemberOf(4)};
  const View view = Build();
  EXPECT_THAT(NamesOf(view), ElementsAre("n1", "n3", "n4"));
  EXPECT_FALSE(view.leader);  // n2 is gone and no new leader is known.
}

TEST_F(ViewBuilderTest, LearnersAreShownWithTheirRole) {
  Member learner = MemberOf(4);
  learner.learner = true;
  facts(1).view->configuration_version = 2;
  facts(1).view->members.push_back(learner);
  inputs_.facts[AddressOfNode(4)] = FactsFor(ViewOf(4));
  const View view = Build();
  EXPECT_EQ(Find(view, "n4").role, BackendRole::kLearner);
  EXPECT_EQ(MinimumInUse(view), 2);
}

TEST_F(ViewBuilderTest, ANodeOfAnotherClusterIsKeptOutAndSaysWhy) {
  facts(3).view->cluster_id = 0xbad;
  facts(3).view->members = {MemberOf(3)};
  inputs_.drained = {AddressOfNode(3)};
  const View view = Build();
  const Backend& stranger = Find(view, AddressOfNode(3));
  EXPECT_EQ(stranger.state, kUnhealthy);
  EXPECT_THAT(stranger.reason,
              HasSubstr("belongs to cluster 0000000000000bad, not to 00000000000000c1"));
  EXPECT_FALSE(stranger.last_resort);

  inputs_.seeds.push_back("10.9.9.9:2379");
  inputs_.facts["10.9.9.9:2379"] = facts(3);
  const View wider = Build();
  EXPECT_EQ(Find(wider, "10.9.9.9:2379").role, BackendRole::kStranger);
  EXPECT_EQ(MinimumInUse(wider), 2);
}

TEST_F(ViewBuilderTest, ASecondAddressOfAMemberIsNotASecondBackend) {
  inputs_.seeds = {"localhost:1", "localhost:2", "localhost:3"};
  inputs_.facts.clear();
  inputs_.facts["localhost:1"] = FactsFor(ViewOf(1));
  inputs_.facts["localhost:2"] = FactsFor(ViewOf(2));
  inputs_.facts["localhost:3"] = Unreachable();
  const View view = Build();
  EXPECT_EQ(Find(view, "n1").address, "localhost:1");
  EXPECT_EQ(Find(view, "n3").address, AddressOfNode(3));
  EXPECT_EQ(Find(view, "localhost:3").role, BackendRole::kStranger);
  EXPECT_EQ(MinimumInUse(view), 2);
  inputs_.facts["localhost:3"] = FactsFor(ViewOf(3));
  EXPECT_THAT(Build().backends, SizeIs(3));
}

TEST_F(ViewBuilderTest, ASilentSeedCountsForAVoterWhoseAddressNobodyKnows) {
  facts(3) = Unreachable();
  for (const uint64_t id : {1, 2}) facts(id).view->members[2].client_addresses.clear();
  const View view = Build();
  EXPECT_EQ(Find(view, AddressOfNode(3)).role, BackendRole::kVoter);
  EXPECT_EQ(Find(view, AddressOfNode(3)).state, kConnecting);
  EXPECT_EQ(MinimumInUse(view), 2);
  inputs_.seeds.push_back("10.9.9.9:2379");
  EXPECT_EQ(Find(Build(), "10.9.9.9:2379").role, BackendRole::kStranger);
}

TEST_F(ViewBuilderTest, WeightsAreStaticOrForWeightedAloneFromLoad) {
  inputs_.load_weights = {{AddressOfNode(1), 500}, {AddressOfNode(2), 1500}};
  EXPECT_EQ(Find(Build(), "n1").weight, std::nullopt);
  inputs_.settings.policy = "weighted";
  EXPECT_EQ(Find(Build(), "n1").weight, 500);
  EXPECT_EQ(Find(Build(), "n3").weight, std::nullopt);
  inputs_.settings.weights = {{"n1", 5}, {AddressOfNode(2), 0}};
  EXPECT_EQ(Find(Build(), "n1").weight, 5);
  EXPECT_EQ(Find(Build(), "n2").weight, 0);
  EXPECT_EQ(Find(Build(), "n3").weight, std::nullopt);
  inputs_.settings.policy = "least_request";
  EXPECT_EQ(Find(Build(), "n1").weight, 5);
}

TEST_F(ViewBuilderTest, GenericModeTakesEverySeedThatAnswers) {
  inputs_.generic = true;
  inputs_.facts.clear();
  facts(1).connected = true;  // No health service, or not heard yet.
  facts(2).connected = true;
  facts(2).health = Health::kNotServing;
  const View view = BuildView(inputs_);
  EXPECT_EQ(view.backends[0].state, kReady);
  EXPECT_EQ(view.backends[1].state, kUnhealthy);
  EXPECT_FALSE(view.backends[1].last_resort);
  EXPECT_EQ(view.backends[2].state, kConnecting);
  EXPECT_TRUE(view.generic);
}

TEST_F(ViewBuilderTest, OnlySlotsAndAgesLeaveRoutingTheSame) {
  inputs_.stats = {{AddressOfNode(1), std::make_shared<BackendStats>()},
                   {AddressOfNode(2), std::make_shared<BackendStats>()},
                   {AddressOfNode(3), std::make_shared<BackendStats>()}};
  const View before = Build();
  facts(1).view->applied_slot = 101;
  inputs_.now += absl::Milliseconds(500);
  EXPECT_TRUE(SameForRouting(before, Build()));
  inputs_.settings.policy = "random";
  EXPECT_FALSE(SameForRouting(before, Build()));
  inputs_.settings = {};
  facts(1).health = Health::kNotServing;
  EXPECT_FALSE(SameForRouting(before, Build()));
}

TEST_F(ViewBuilderTest, BackendsAreNamedByNameAndAddress) {
  inputs_.seeds = {AddressOfNode(1)};
  inputs_.facts = {{AddressOfNode(1), FactsFor(ViewOf(1))}};
  EXPECT_THAT(BackendNames(Build()),
              ElementsAre(AddressOfNode(1), AddressOfNode(2), AddressOfNode(3), "n1", "n2", "n3"));
}

// One dead node must not keep the balancer from starting with weights that are right.
TEST_F(ViewBuilderTest, WeightsMayNameAMemberThatNeverToldItsAddress) {
  facts(3) = Unreachable();
  for (const uint64_t id : {1, 2}) facts(id).view->members[2].client_addresses.clear();
  const View view = Build();
  EXPECT_THAT(BackendNames(view), Not(Contains("n3")));
  EXPECT_TRUE(CheckWeightNames({{"n1", 5}, {"n2", 3}, {"n3", 1}}, WeightNames(view)).ok());
  EXPECT_FALSE(CheckWeightNames({{"n4", 1}}, WeightNames(view)).ok());
}

}  // namespace
}  // namespace synod::balancer
