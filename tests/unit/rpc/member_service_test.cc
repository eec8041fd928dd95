// Changes of the members as clients see them: requests, answers, and etcd's refusals byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "etcd/cluster.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "tests/unit/rpc/served_node.h"

namespace synod::rpc {
namespace {

using ::testing::ElementsAre;

class MemberServiceTest : public ::testing::Test {
 protected:
  MemberServiceTest()
      : cluster_(etcdserverpb::Cluster::NewStub(served_.channel)),
        maintenance_(etcdserverpb::Maintenance::NewStub(served_.channel)) {}

  grpc::Status Add(const std::vector<std::string>& urls, bool learner,
                   etcdserverpb::MemberAddResponse* response) {
    Context context;
    etcdserverpb::MemberAddRequest request;
    request.mutable_peerurls()->Assign(urls.begin(), urls.end());
    request.set_islearner(learner);
    return cluster_->MemberAdd(&context, request, response);
  }

  grpc::Status Promote(uint64_t id) {
    Context context;
    etcdserverpb::MemberPromoteRequest request;
    request.set_id(id);
    etcdserverpb::MemberPromoteResponse response;
    return cluster_->MemberPromote(&context, request, &response);
  }

  grpc::Status MoveLeader(uint64_t id) {
    Context context;
    etcdserverpb::MoveLeaderRequest request;
    request.set_targetid(id);
    etcdserverpb::MoveLeaderResponse response;
    return maintenance_->MoveLeader(&context, request, &response);
  }

  ServedNode served_;
  std::unique_ptr<etcdserverpb::Cluster::Stub> cluster_;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance_;
};

TEST_F(MemberServiceTest, AddAnswersWithTheNewMemberAndAll) {
  served_.node.SetMemberOutcome(
      {Failure::kNone,
       MemberRefusal::kNone,
       NodeId(0xa3),
       {{NodeId(0xa1), "n1", {"http://n1:2380"}, {"http://n1:2379"}, false},
        {NodeId(0xa3), "", {"http://n3:2380", "http://n3:2381"}, {}, true}}});
  etcdserverpb::MemberAddResponse response;
  const grpc::Status status =
      Add({"http://n3:2381", "http://n3:2380", "http://n3:2381"}, true, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();

  const auto asked = std::get<AddMember>(served_.node.last_change());
  EXPECT_THAT(asked.peer_urls, ElementsAre("http://n3:2380", "http://n3:2381"));
  EXPECT_TRUE(asked.learner);
  EXPECT_EQ(response.header().cluster_id(), 0xc1u);
  EXPECT_EQ(response.member().id(), 0xa3u);
  EXPECT_TRUE(response.member().islearner());
  EXPECT_THAT(response.member().peerurls(), ElementsAre("http://n3:2380", "http://n3:2381"));
  ASSERT_EQ(response.members_size(), 2);
  EXPECT_EQ(response.members(0).name(), "n1");
}

TEST_F(MemberServiceTest, RemoveAndUpdateCarryTheirArguments) {
  {
    Context context;
    etcdserverpb::MemberRemoveRequest request;
    request.set_id(0xa2);
    etcdserverpb::MemberRemoveResponse response;
    ASSERT_TRUE(cluster_->MemberRemove(&context, request, &response).ok());
    EXPECT_EQ(std::get<RemoveMember>(served_.node.last_change()).id, NodeId(0xa2));
  }
  Context context;
  etcdserverpb::MemberUpdateRequest request;
  request.set_id(0xa2);
  request.add_peerurls("http://elsewhere:2380");
  etcdserverpb::MemberUpdateResponse response;
  ASSERT_TRUE(cluster_->MemberUpdate(&context, request, &response).ok());
  const auto asked = std::get<UpdateMember>(served_.node.last_change());
  EXPECT_EQ(asked.id, NodeId(0xa2));
  EXPECT_THAT(asked.peer_urls, ElementsAre("http://elsewhere:2380"));
}

TEST_F(MemberServiceTest, RefusesUrlsNoNodeCouldBeReachedAt) {
  for (const std::vector<std::string>& urls : std::vector<std::vector<std::string>>{
           {}, {""}, {"n3:2380"}, {"https://n3:2380"}, {"http://n3"}, {"http://n3:0"}}) {
    etcdserverpb::MemberAddResponse response;
    const grpc::Status status = Add(urls, false, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(), "etcdserver: given member URLs are invalid");
  }
}

TEST_F(MemberServiceTest, RefusalsAreEtcdsWords) {
  const struct {
    MemberRefusal refusal;
    grpc::StatusCode code;
    const char* text;
  } cases[] = {
      {MemberRefusal::kNotFound, grpc::StatusCode::NOT_FOUND, "etcdserver: member not found"},
      {MemberRefusal::kPeerUrlExists, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: Peer URLs already exists"},
      {MemberRefusal::kNotLearner, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: can only promote a learner member"},
      {MemberRefusal::kLearnerNotReady, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: can only promote a learner member which is in sync with leader"},
      {MemberRefusal::kTooManyLearners, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: too many learner members in cluster"},
      {MemberRefusal::kNotEnoughStarted, grpc::StatusCode::UNKNOWN,
       "etcdserver: re-configuration failed due to not enough started members"},
      {MemberRefusal::kUnhealthy, grpc::StatusCode::UNAVAILABLE, "etcdserver: unhealthy cluster"},
  };
  for (const auto& expected : cases) {
    served_.node.SetMemberOutcome({Failure::kNone, expected.refusal, {}, {}});
    const grpc::Status status = Promote(0xa2);
    EXPECT_EQ(status.error_code(), expected.code) << expected.text;
    EXPECT_EQ(status.error_message(), expected.text);
  }
}

TEST_F(MemberServiceTest, FailuresOfTheNodeAreToldApartFromRefusals) {
  served_.node.SetMemberOutcome({Failure::kNoLeader, MemberRefusal::kNone, {}, {}});
  const grpc::Status status = Promote(0xa2);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "etcdserver: no leader");
}

TEST_F(MemberServiceTest, MoveLeaderAnswersAsEtcdDoes) {
  EXPECT_TRUE(MoveLeader(0xa2).ok());
  EXPECT_EQ(served_.node.last_transferee(), NodeId(0xa2));

  const struct {
    HandOverOutcome outcome;
    grpc::StatusCode code;
    const char* text;
  } cases[] = {
      {HandOverOutcome::kNotLeader, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: not leader"},
      {HandOverOutcome::kBadTransferee, grpc::StatusCode::FAILED_PRECONDITION,
       "etcdserver: bad leader transferee"},
      {HandOverOutcome::kTimeout, grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out"},
  };
  for (const auto& expected : cases) {
    served_.node.SetHandOverOutcome(expected.outcome);
    const grpc::Status status = MoveLeader(0xa2);
    EXPECT_EQ(status.error_code(), expected.code) << expected.text;
    EXPECT_EQ(status.error_message(), expected.text);
  }
}

}  // namespace
}  // namespace synod::rpc
