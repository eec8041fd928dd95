#include "services/rpc/error_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace synod::rpc {
namespace {

struct Expected {
  int code;
  const char* text;
};

// Written down from etcd's api/v3rpc/rpctypes/error.go, in its order.
constexpr Expected kEtcd[] = {
    {3, "etcdserver: key is not provided"},
    {3, "etcdserver: key not found"},
    {3, "etcdserver: value is provided"},
    {3, "etcdserver: lease is provided"},
    {3, "etcdserver: too many operations in txn request"},
    {3, "etcdserver: duplicate key given in txn request"},
    {3, "etcdserver: invalid client api version"},
    {3, "etcdserver: invalid sort option"},
    {3, "etcdserver: given member URLs are invalid"},
    {3, "etcdserver: request is too large"},
    {3, "etcdserver: user name is empty"},
    {3, "etcdserver: role name is empty"},
    {3, "etcdserver: authentication failed, invalid user ID or password"},
    {3, "etcdserver: permission not given"},
    {3, "etcdserver: invalid auth management"},
    {3, "etcdserver: revision of auth store is old"},
    {3, "etcdserver: wrong downgrade target version format"},
    {3, "etcdserver: invalid downgrade target version"},
    {11, "etcdserver: mvcc: required revision has been compacted"},
    {11, "etcdserver: mvcc: required revision is a future revision"},
    {11, "etcdserver: too large lease TTL"},
    {8, "etcdserver: mvcc: database space exceeded"},
    {8, "etcdserver: too many requests"},
    {5, "etcdserver: requested lease not found"},
    {5, "etcdserver: member not found"},
    {9, "etcdserver: lease already exists"},
    {9, "etcdserver: member ID already exist"},
    {9, "etcdserver: Peer URLs already exists"},
    {9, "etcdserver: re-configuration failed due to not enough started members"},
    {9, "etcdserver: can only promote a learner member"},
    {9, "etcdserver: can only promote a learner member which is in sync with leader"},
    {9, "etcdserver: too many learner members in cluster"},
    {9, "etcdserver: cluster ID mismatch"},
    {9, "etcdserver: root user does not exist"},
    {9, "etcdserver: root user does not have root role"},
    {9, "etcdserver: user name already exists"},
    {9, "etcdserver: user name not found"},
    {9, "etcdserver: role name already exists"},
    {9, "etcdserver: role name not found"},
    {9, "etcdserver: role is not granted to the user"},
    {9, "etcdserver: permission is not granted to the role"},
    {9, "etcdserver: authentication is not enabled"},
    {9, "etcdserver: not leader"},
    {9, "etcdserver: not capable"},
    {9, "etcdserver: rpc not supported for learner"},
    {9, "etcdserver: bad leader transferee"},
    {9, "etcdserver: cluster version not found during downgrade"},
    {9, "etcdserver: cluster has a downgrade job in progress"},
    {9, "etcdserver: no inflight downgrade job"},
    {7, "etcdserver: permission denied"},
    {16, "etcdserver: invalid auth token"},
    {14, "etcdserver: no leader"},
    {14, "etcdserver: leader changed"},
    {14, "etcdserver: server stopped"},
    {14, "etcdserver: request timed out"},
    {14, "etcdserver: request timed out, possibly due to previous leader failure"},
    {14, "etcdserver: request timed out, possibly due to connection lost"},
    {14, "etcdserver: request timed out, waiting for the applied index took too long"},
    {14, "etcdserver: unhealthy cluster"},
    {15, "etcdserver: corrupt cluster"},
    {1, "etcdserver: watch canceled"},
    {1, "etcdserver: request canceled"},
    {4, "etcdserver: context deadline exceeded"},
};

TEST(ErrorTableTest, HasEtcdsCodesAndTextsByteForByte) {
  ASSERT_EQ(ErrorTable().size(), std::size(kEtcd));
  for (size_t i = 0; i < std::size(kEtcd); ++i) {
    const grpc::Status status = ToStatus(static_cast<EtcdError>(i));
    EXPECT_EQ(status.error_code(), kEtcd[i].code) << kEtcd[i].text;
    EXPECT_EQ(status.error_message(), kEtcd[i].text);
    EXPECT_EQ(ErrorTable()[i].error, static_cast<EtcdError>(i)) << kEtcd[i].text;
  }
}

TEST(ErrorTableTest, StateMachineErrorsHaveTheirRows) {
  EXPECT_TRUE(ToStatus(kv::Error::kNone).ok());
  const std::pair<kv::Error, const char*> cases[] = {
      {kv::Error::kEmptyKey, "etcdserver: key is not provided"},
      {kv::Error::kKeyNotFound, "etcdserver: key not found"},
      {kv::Error::kValueProvided, "etcdserver: value is provided"},
      {kv::Error::kLeaseProvided, "etcdserver: lease is provided"},
      {kv::Error::kTooManyOps, "etcdserver: too many operations in txn request"},
      {kv::Error::kDuplicateKey, "etcdserver: duplicate key given in txn request"},
      {kv::Error::kInvalidSortOption, "etcdserver: invalid sort option"},
      {kv::Error::kCompacted, "etcdserver: mvcc: required revision has been compacted"},
      {kv::Error::kFutureRevision, "etcdserver: mvcc: required revision is a future revision"},
      {kv::Error::kLeaseNotFound, "etcdserver: requested lease not found"},
      {kv::Error::kNoSpace, "etcdserver: mvcc: database space exceeded"},
      {kv::Error::kCorrupt, "etcdserver: corrupt cluster"},
      {kv::Error::kGivenUp, "etcdserver: request canceled"},
  };
  for (const auto& [error, text] : cases) EXPECT_EQ(ToStatus(error).error_message(), text);
}

TEST(ErrorTableTest, FailuresOfTheNodeHaveTheirRows) {
  EXPECT_TRUE(ToStatus(Failure::kNone).ok());
  const std::pair<Failure, const char*> cases[] = {
      {Failure::kNoLeader, "etcdserver: no leader"},
      {Failure::kTimeout, "etcdserver: request timed out"},
      {Failure::kTimeoutLeaderFailed,
       "etcdserver: request timed out, possibly due to previous leader failure"},
      {Failure::kTimeoutNotApplied,
       "etcdserver: request timed out, waiting for the applied index took too long"},
      {Failure::kStopped, "etcdserver: server stopped"},
  };
  for (const auto& [failure, text] : cases) {
    EXPECT_EQ(ToStatus(failure).error_message(), text);
    EXPECT_EQ(ToStatus(failure).error_code(), grpc::StatusCode::UNAVAILABLE) << text;
  }
  EXPECT_EQ(ToStatus(Failure::kOverloaded).error_message(), "etcdserver: too many requests");
  EXPECT_EQ(ToStatus(Failure::kOverloaded).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace synod::rpc
