#include "balancer/policies/router.h"

#include <map>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/balancer/backends.h"

namespace synod::balancer {
namespace {

using enum BackendState;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr absl::string_view kRange = "/etcdserverpb.KV/Range";
constexpr absl::string_view kPut = "/etcdserverpb.KV/Put";
constexpr absl::string_view kTxn = "/etcdserverpb.KV/Txn";
constexpr absl::string_view kStatus = "/etcdserverpb.Maintenance/Status";
constexpr absl::string_view kWatch = "/etcdserverpb.Watch/Watch";

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    view_.backends = ReadyBackends(3);
    view_.policy = "round_robin";
    view_.leader = 1;  // b
  }

  Route Pick(const Attempt& attempt) {
    if (router_ == nullptr) router_ = std::make_unique<Router>(std::make_shared<View>(view_), 1);
    return router_->Pick(attempt, absl::Seconds(1));
  }
  // Names picked over thirty calls; empty when they are refused.
  std::set<std::string> Picked(Attempt attempt) {
    router_ = nullptr;
    std::set<std::string> names;
    for (int i = 0; i < 30; ++i) {
      const Route route = Pick(attempt);
      EXPECT_EQ(route.backend == nullptr, !route.error.empty());
      if (route.backend != nullptr) names.insert(route.backend->name);
    }
    return names;
  }
  void SetStates(BackendState a, BackendState b, BackendState c) {
    view_.backends[0].state = a;
    view_.backends[1].state = b;
    view_.backends[2].state = c;
  }

  View view_;
  std::unique_ptr<Router> router_;
};

TEST(MethodTableTest, ClassesFollowTheMethods) {
  struct Case {
    absl::string_view path;
    MethodClass method_class;
    bool idempotent;
  };
  using enum MethodClass;
  const Case cases[] = {
      {kRange, kRead, true},
      {kPut, kWrite, false},
      {kTxn, kWrite, false},  // It may write; only its body tells.
      {"/etcdserverpb.KV/DeleteRange", kWrite, false},
      {"/etcdserverpb.KV/Compact", kWrite, false},
      {"/etcdserverpb.Lease/LeaseGrant", kWrite, false},
      {"/etcdserverpb.Lease/LeaseKeepAlive", kStream, false},
      {"/etcdserverpb.Lease/LeaseTimeToLive", kRead, true},
      {kWatch, kStream, false},
      {"/v3electionpb.Election/Observe", kStream, false},
      {"/etcdserverpb.Cluster/MemberList", kRead, true},
      {"/etcdserverpb.Cluster/MemberAdd", kWrite, false},
      {kStatus, kMember, true},
      {"/etcdserverpb.Maintenance/MoveLeader", kMember, false},
      {"/etcdserverpb.Maintenance/Snapshot", kMember, false},
      {"/etcdserverpb.Maintenance/Alarm", kWrite, false},
      {"/etcdserverpb.Auth/Authenticate", kWrite, false},
      {"/etcdserverpb.Auth/UserList", kRead, true},
      {"/grpc.health.v1.Health/Check", kRead, true},
      {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", kStream, false},
      {"/some.other.Service/Method", kWrite, false},
      {"", kWrite, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ClassifyMethod(c.path), c.method_class) << c.path;
    EXPECT_EQ(IsIdempotent(c.path), c.idempotent) << c.path;
  }
}

TEST_F(RouterTest, ReadsAndStreamsGoAnywhereWritesToTheLeader) {
  EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(Picked({kWatch}), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("b"));
  EXPECT_THAT(Picked({kTxn}), UnorderedElementsAre("b"));
  view_.write_routing = WriteRouting::kPolicy;
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("a", "b", "c"));
}

TEST_F(RouterTest, WritesGoToAnyReadyBackendWhenTheLeaderIsUnknownOrNotReady) {
  view_.leader = std::nullopt;
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("a", "b", "c"));
  view_.leader = 1;
  SetStates(kReady, kConnecting, kReady);
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("a", "c"));
}

TEST_F(RouterTest, CallsAboutOneMemberStayWithTheLeaderOrElseWithTheFirst) {
  EXPECT_THAT(Picked({kStatus}), UnorderedElementsAre("b"));
  view_.write_routing = WriteRouting::kPolicy;
  EXPECT_THAT(Picked({kStatus}), UnorderedElementsAre("b"));
  view_.leader = std::nullopt;
  EXPECT_THAT(Picked({kStatus}), UnorderedElementsAre("a"));
}

TEST_F(RouterTest, GenericModeKnowsNoMethodsAndNoLeader) {
  view_.generic = true;
  view_.leader = std::nullopt;
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("a", "b", "c"));
  EXPECT_EQ(Pick({kPut}).method_class, MethodClass::kRead);
}

TEST_F(RouterTest, OnlyReadyVotersAreEligible) {
  for (const BackendState state : {kConnecting, kUnhealthy, kDraining, kEjected}) {
    SetStates(state, kReady, kReady);
    EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("b", "c")) << BackendStateName(state);
  }
  SetStates(kReady, kReady, kReady);
  for (const BackendRole role : {BackendRole::kLearner, BackendRole::kStranger}) {
    view_.backends[0].role = role;
    EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("b", "c")) << BackendRoleName(role);
  }
}

TEST_F(RouterTest, TriedBackendsAreNotTriedAgain) {
  const std::string& a = view_.backends[0].address;
  const std::string& b = view_.backends[1].address;
  const std::string& c = view_.backends[2].address;
  EXPECT_THAT(Picked({kRange, {a}}), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(Picked({kPut, {b}}), UnorderedElementsAre("a", "c"));
  EXPECT_THAT(Picked({kRange, {a, b, c}}), UnorderedElementsAre());
  EXPECT_THAT(Pick({kRange, {a, b, c}}).error, HasSubstr("tried by this call"));
}

TEST_F(RouterTest, ARedirectIsFollowedToAnEligibleBackendOnly) {
  const std::string& c = view_.backends[2].address;
  EXPECT_THAT(Picked({kPut, {}, c}), UnorderedElementsAre("c"));
  EXPECT_THAT(Picked({kPut, {}, "10.9.9.9:1"}), UnorderedElementsAre("b"));
  SetStates(kReady, kReady, kDraining);
  EXPECT_THAT(Picked({kPut, {}, c}), UnorderedElementsAre("b"));
}

TEST_F(RouterTest, EjectedBackendsAreUsedAgainBelowAQuorum) {
  SetStates(kReady, kReady, kEjected);
  EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("a", "b"));
  SetStates(kReady, kConnecting, kEjected);  // One of three is ready: below two.
  EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("a", "c"));
  SetStates(kEjected, kEjected, kEjected);
  EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre("b"));
}

TEST_F(RouterTest, ARetryTakesAnEjectedBackendBeforeItGivesUp) {
  SetStates(kReady, kReady, kEjected);
  EXPECT_THAT(Picked({kRange, {view_.backends[0].address, view_.backends[1].address}}),
              UnorderedElementsAre("c"));
}

TEST_F(RouterTest, WithoutAQuorumOnlyWritesAreRefused) {
  SetStates(kConnecting, kUnhealthy, kConnecting);
  view_.backends[1].last_resort = true;
  EXPECT_THAT(Picked({kRange}), UnorderedElementsAre("b"));
  EXPECT_THAT(Picked({kStatus}), UnorderedElementsAre("b"));
  EXPECT_THAT(Picked({kPut}), UnorderedElementsAre());
  EXPECT_THAT(Pick({kPut}).error, HasSubstr("too few nodes are in contact"));
}

TEST_F(RouterTest, ARefusalNamesEachBackendItsStateAndReasonAndWhatToDo) {
  SetStates(kConnecting, kUnhealthy, kUnhealthy);
  view_.backends[0].reason = "connection refused";
  view_.backends[1].reason = "reports NOT_SERVING";
  view_.backends[2].reason = "belongs to another cluster";
  EXPECT_THAT(Pick({kRange}).error,
              AllOf(HasSubstr(std::string(kRange)),
                    HasSubstr("a (10.0.0.1:2379) connecting: connection refused"),
                    HasSubstr("b (10.0.0.2:2379) unhealthy: reports NOT_SERVING"),
                    HasSubstr("c (10.0.0.3:2379) unhealthy: belongs to another cluster"),
                    HasSubstr("check that the nodes run")));
  router_ = nullptr;
  SetStates(kDraining, kConnecting, kConnecting);
  EXPECT_THAT(Pick({kRange}).error, HasSubstr("synodctl lb undrain"));
  router_ = nullptr;
  view_.backends.clear();
  view_.leader = std::nullopt;
  EXPECT_THAT(Pick({kRange}).error, AllOf(HasSubstr("none is known"), HasSubstr("--backends")));
}

TEST_F(RouterTest, AViewChangeKeepsThePolicysPlaceAndAPolicyChangeTakesEffectAtOnce) {
  const Route first = Pick({kRange});
  auto next = std::make_shared<View>(view_);
  next->version = 2;
  router_->SetView(next);
  const Route second = Pick({kRange});
  EXPECT_NE(second.backend->name, first.backend->name);
  EXPECT_EQ(second.view->version, 2);
  EXPECT_EQ(first.view->version, 0);  // Still alive for the call under way.

  auto weighted = std::make_shared<View>(view_);
  weighted->policy = "weighted";
  weighted->backends[0].weight = 1;
  weighted->backends[1].weight = 0;
  weighted->backends[2].weight = 0;
  router_->SetView(weighted);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Pick({kRange}).backend->name, "a");
}

TEST(MinimumInUseTest, IsAQuorumOfTheVotersOrHalfWhereAnyOneServes) {
  View view;
  const size_t quorum[] = {1, 2, 2, 3, 3};
  const size_t half[] = {1, 1, 2, 2, 3};
  for (size_t count = 1; count <= 5; ++count) {
    view.backends = ReadyBackends(count);
    view.generic = false;
    EXPECT_EQ(MinimumInUse(view), quorum[count - 1]) << count;
    view.generic = true;
    EXPECT_EQ(MinimumInUse(view), half[count - 1]) << count;
  }
  view.generic = false;
  view.backends[3].role = BackendRole::kLearner;
  view.backends[4].role = BackendRole::kStranger;
  EXPECT_EQ(MinimumInUse(view), 2);
}

}  // namespace
}  // namespace synod::balancer
