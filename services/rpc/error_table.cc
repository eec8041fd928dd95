#include "services/rpc/error_table.h"

#include "common/check.h"

namespace synod::rpc {
namespace {

using Code = grpc::StatusCode;

constexpr ErrorRow kTable[] = {
    {EtcdError::kEmptyKey, Code::INVALID_ARGUMENT, "etcdserver: key is not provided"},
    {EtcdError::kKeyNotFound, Code::INVALID_ARGUMENT, "etcdserver: key not found"},
    {EtcdError::kValueProvided, Code::INVALID_ARGUMENT, "etcdserver: value is provided"},
    {EtcdError::kLeaseProvided, Code::INVALID_ARGUMENT, "etcdserver: lease is provided"},
    {EtcdError::kTooManyOps, Code::INVALID_ARGUMENT,
     "etcdserver: too many operations in txn request"},
    {EtcdError::kDuplicateKey, Code::INVALID_ARGUMENT,
     "etcdserver: duplicate key given in txn request"},
    {EtcdError::kInvalidClientApiVersion, Code::INVALID_ARGUMENT,
     "etcdserver: invalid client api version"},
    {EtcdError::kInvalidSortOption, Code::INVALID_ARGUMENT, "etcdserver: invalid sort option"},
    {EtcdError::kMemberBadUrls, Code::INVALID_ARGUMENT,
     "etcdserver: given member URLs are invalid"},
    {EtcdError::kRequestTooLarge, Code::INVALID_ARGUMENT, "etcdserver: request is too large"},
    {EtcdError::kUserEmpty, Code::INVALID_ARGUMENT, "etcdserver: user name is empty"},
    {EtcdError::kRoleEmpty, Code::INVALID_ARGUMENT, "etcdserver: role name is empty"},
    {EtcdError::kAuthFailed, Code::INVALID_ARGUMENT,
     "etcdserver: authentication failed, invalid user ID or password"},
    {EtcdError::kPermissionNotGiven, Code::INVALID_ARGUMENT, "etcdserver: permission not given"},
    {EtcdError::kInvalidAuthMgmt, Code::INVALID_ARGUMENT, "etcdserver: invalid auth management"},
    {EtcdError::kAuthOldRevision, Code::INVALID_ARGUMENT,
     "etcdserver: revision of auth store is old"},
    {EtcdError::kWrongDowngradeVersionFormat, Code::INVALID_ARGUMENT,
     "etcdserver: wrong downgrade target version format"},
    {EtcdError::kInvalidDowngradeTargetVersion, Code::INVALID_ARGUMENT,
     "etcdserver: invalid downgrade target version"},
    {EtcdError::kCompacted, Code::OUT_OF_RANGE,
     "etcdserver: mvcc: required revision has been compacted"},
    {EtcdError::kFutureRev, Code::OUT_OF_RANGE,
     "etcdserver: mvcc: required revision is a future revision"},
    {EtcdError::kLeaseTtlTooLarge, Code::OUT_OF_RANGE, "etcdserver: too large lease TTL"},
    {EtcdError::kNoSpace, Code::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"},
    {EtcdError::kTooManyRequests, Code::RESOURCE_EXHAUSTED, "etcdserver: too many requests"},
    {EtcdError::kLeaseNotFound, Code::NOT_FOUND, "etcdserver: requested lease not found"},
    {EtcdError::kMemberNotFound, Code::NOT_FOUND, "etcdserver: member not found"},
    {EtcdError::kLeaseExist, Code::FAILED_PRECONDITION, "etcdserver: lease already exists"},
    {EtcdError::kMemberExist, Code::FAILED_PRECONDITION, "etcdserver: member ID already exist"},
    {EtcdError::kPeerUrlExist, Code::FAILED_PRECONDITION, "etcdserver: Peer URLs already exists"},
    {EtcdError::kMemberNotEnoughStarted, Code::FAILED_PRECONDITION,
     "etcdserver: re-configuration failed due to not enough started members"},
    {EtcdError::kMemberNotLearner, Code::FAILED_PRECONDITION,
     "etcdserver: can only promote a learner member"},
    {EtcdError::kLearnerNotReady, Code::FAILED_PRECONDITION,
     "etcdserver: can only promote a learner member which is in sync with leader"},
    {EtcdError::kTooManyLearners, Code::FAILED_PRECONDITION,
     "etcdserver: too many learner members in cluster"},
    {EtcdError::kClusterIdMismatch, Code::FAILED_PRECONDITION, "etcdserver: cluster ID mismatch"},
    {EtcdError::kRootUserNotExist, Code::FAILED_PRECONDITION,
     "etcdserver: root user does not exist"},
    {EtcdError::kRootRoleNotExist, Code::FAILED_PRECONDITION,
     "etcdserver: root user does not have root role"},
    {EtcdError::kUserAlreadyExist, Code::FAILED_PRECONDITION,
     "etcdserver: user name already exists"},
    {EtcdError::kUserNotFound, Code::FAILED_PRECONDITION, "etcdserver: user name not found"},
    {EtcdError::kRoleAlreadyExist, Code::FAILED_PRECONDITION,
     "etcdserver: role name already exists"},
    {EtcdError::kRoleNotFound, Code::FAILED_PRECONDITION, "etcdserver: role name not found"},
    {EtcdError::kRoleNotGranted, Code::FAILED_PRECONDITION,
     "etcdserver: role is not granted to the user"},
    {EtcdError::kPermissionNotGranted, Code::FAILED_PRECONDITION,
     "etcdserver: permission is not granted to the role"},
    {EtcdError::kAuthNotEnabled, Code::FAILED_PRECONDITION,
     "etcdserver: authentication is not enabled"},
    {EtcdError::kNotLeader, Code::FAILED_PRECONDITION, "etcdserver: not leader"},
    {EtcdError::kNotCapable, Code::FAILED_PRECONDITION, "etcdserver: not capable"},
    {EtcdError::kNotSupportedForLearner, Code::FAILED_PRECONDITION,
     "etcdserver: rpc not supported for learner"},
    {EtcdError::kBadLeaderTransferee, Code::FAILED_PRECONDITION,
     "etcdserver: bad leader transferee"},
    {EtcdError::kClusterVersionUnavailable, Code::FAILED_PRECONDITION,
     "etcdserver: cluster version not found during downgrade"},
    {EtcdError::kDowngradeInProcess, Code::FAILED_PRECONDITION,
     "etcdserver: cluster has a downgrade job in progress"},
    {EtcdError::kNoInflightDowngrade, Code::FAILED_PRECONDITION,
     "etcdserver: no inflight downgrade job"},
    {EtcdError::kPermissionDenied, Code::PERMISSION_DENIED, "etcdserver: permission denied"},
    {EtcdError::kInvalidAuthToken, Code::UNAUTHENTICATED, "etcdserver: invalid auth token"},
    {EtcdError::kNoLeader, Code::UNAVAILABLE, "etcdserver: no leader"},
    {EtcdError::kLeaderChanged, Code::UNAVAILABLE, "etcdserver: leader changed"},
    {EtcdError::kStopped, Code::UNAVAILABLE, "etcdserver: server stopped"},
    {EtcdError::kTimeout, Code::UNAVAILABLE, "etcdserver: request timed out"},
    {EtcdError::kTimeoutDueToLeaderFail, Code::UNAVAILABLE,
     "etcdserver: request timed out, possibly due to previous leader failure"},
    {EtcdError::kTimeoutDueToConnectionLost, Code::UNAVAILABLE,
     "etcdserver: request timed out, possibly due to connection lost"},
    {EtcdError::kTimeoutWaitAppliedIndex, Code::UNAVAILABLE,
     "etcdserver: request timed out, waiting for the applied index took too long"},
    {EtcdError::kUnhealthy, Code::UNAVAILABLE, "etcdserver: unhealthy cluster"},
    {EtcdError::kCorrupt, Code::DATA_LOSS, "etcdserver: corrupt cluster"},
    {EtcdError::kWatchCanceled, Code::CANCELLED, "etcdserver: watch canceled"},
    {EtcdError::kCanceled, Code::CANCELLED, "etcdserver: request canceled"},
    {EtcdError::kDeadlineExceeded, Code::DEADLINE_EXCEEDED,
     "etcdserver: context deadline exceeded"},
};

}  // namespace

absl::Span<const ErrorRow> ErrorTable() {
  return kTable;
}

grpc::Status ToStatus(EtcdError error) {
  const ErrorRow& row = kTable[static_cast<size_t>(error)];
  SYNOD_CHECK(row.error == error) << row.text;
  return {row.code, row.text};
}

grpc::Status ToStatus(kv::Error error) {
  switch (error) {
    case kv::Error::kNone:
      return grpc::Status::OK;
    case kv::Error::kEmptyKey:
      return ToStatus(EtcdError::kEmptyKey);
    case kv::Error::kKeyNotFound:
      return ToStatus(EtcdError::kKeyNotFound);
    case kv::Error::kValueProvided:
      return ToStatus(EtcdError::kValueProvided);
    case kv::Error::kLeaseProvided:
      return ToStatus(EtcdError::kLeaseProvided);
    case kv::Error::kTooManyOps:
      return ToStatus(EtcdError::kTooManyOps);
    case kv::Error::kDuplicateKey:
      return ToStatus(EtcdError::kDuplicateKey);
    case kv::Error::kInvalidSortOption:
      return ToStatus(EtcdError::kInvalidSortOption);
    case kv::Error::kCompacted:
      return ToStatus(EtcdError::kCompacted);
    case kv::Error::kFutureRevision:
      return ToStatus(EtcdError::kFutureRev);
    case kv::Error::kLeaseNotFound:
      return ToStatus(EtcdError::kLeaseNotFound);
    case kv::Error::kNoSpace:
      return ToStatus(EtcdError::kNoSpace);
    case kv::Error::kCorrupt:
      return ToStatus(EtcdError::kCorrupt);
    case kv::Error::kGivenUp:
      return ToStatus(EtcdError::kCanceled);
  }
  return ToStatus(EtcdError::kCorrupt);
}

grpc::Status ToStatus(MemberRefusal refusal) {
  switch (refusal) {
    case MemberRefusal::kNone:
      return grpc::Status::OK;
    case MemberRefusal::kNotFound:
      return ToStatus(EtcdError::kMemberNotFound);
    case MemberRefusal::kPeerUrlExists:
      return ToStatus(EtcdError::kPeerUrlExist);
    case MemberRefusal::kNotLearner:
      return ToStatus(EtcdError::kMemberNotLearner);
    case MemberRefusal::kLearnerNotReady:
      return ToStatus(EtcdError::kLearnerNotReady);
    case MemberRefusal::kTooManyLearners:
      return ToStatus(EtcdError::kTooManyLearners);
    case MemberRefusal::kNotEnoughStarted:
      // etcd sends the error that its clients make of this one, which has lost its code.
      return {Code::UNKNOWN, ToStatus(EtcdError::kMemberNotEnoughStarted).error_message()};
    case MemberRefusal::kUnhealthy:
      return ToStatus(EtcdError::kUnhealthy);
  }
  return ToStatus(EtcdError::kUnhealthy);
}

grpc::Status ToStatus(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return grpc::Status::OK;
    case Failure::kNoLeader:
      return ToStatus(EtcdError::kNoLeader);
    case Failure::kTimeout:
      return ToStatus(EtcdError::kTimeout);
    case Failure::kTimeoutLeaderFailed:
      return ToStatus(EtcdError::kTimeoutDueToLeaderFail);
    case Failure::kOverloaded:
      return ToStatus(EtcdError::kTooManyRequests);
    case Failure::kStopped:
      return ToStatus(EtcdError::kStopped);
    case Failure::kSuperseded:
      return ToStatus(EtcdError::kTimeout);
    case Failure::kTimeoutNotApplied:
      return ToStatus(EtcdError::kTimeoutWaitAppliedIndex);
  }
  return ToStatus(EtcdError::kUnhealthy);
}

}  // namespace synod::rpc
