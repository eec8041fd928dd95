// etcd's refusals: code and text, byte for byte. Clients compare both with ==.
//
// Source: etcd's api/v3rpc/rpctypes/error.go. The names are its names without "ErrGRPC".
// Thread-safety: pure functions.
#ifndef SYNOD_SERVICES_RPC_ERROR_TABLE_H_
#define SYNOD_SERVICES_RPC_ERROR_TABLE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "grpcpp/support/status.h"
#include "services/kv/types.h"
#include "services/rpc/backend.h"

namespace synod::rpc {

enum class EtcdError : uint8_t {
  kEmptyKey,
  kKeyNotFound,
  kValueProvided,
  kLeaseProvided,
  kTooManyOps,
  kDuplicateKey,
  kInvalidClientApiVersion,
  kInvalidSortOption,
  kMemberBadUrls,
  kRequestTooLarge,
  kUserEmpty,
  kRoleEmpty,
  kAuthFailed,
  kPermissionNotGiven,
  kInvalidAuthMgmt,
  kAuthOldRevision,
  kWrongDowngradeVersionFormat,
  kInvalidDowngradeTargetVersion,
  kCompacted,
  kFutureRev,
  kLeaseTtlTooLarge,
  kNoSpace,
  kTooManyRequests,
  kLeaseNotFound,
  kMemberNotFound,
  kLeaseExist,
  kMemberExist,
  kPeerUrlExist,
  kMemberNotEnoughStarted,
  kMemberNotLearner,
  kLearnerNotReady,
  kTooManyLearners,
  kClusterIdMismatch,
  kRootUserNotExist,
  kRootRoleNotExist,
  kUserAlreadyExist,
  kUserNotFound,
  kRoleAlreadyExist,
  kRoleNotFound,
  kRoleNotGranted,
  kPermissionNotGranted,
  kAuthNotEnabled,
  kNotLeader,
  kNotCapable,
  kNotSupportedForLearner,
  kBadLeaderTransferee,
  kClusterVersionUnavailable,
  kDowngradeInProcess,
  kNoInflightDowngrade,
  kPermissionDenied,
  kInvalidAuthToken,
  kNoLeader,
  kLeaderChanged,
  kStopped,
  kTimeout,
  kTimeoutDueToLeaderFail,
  kTimeoutDueToConnectionLost,
  kTimeoutWaitAppliedIndex,
  kUnhealthy,
  kCorrupt,
  kWatchCanceled,
  kCanceled,
  kDeadlineExceeded,
};

struct ErrorRow {
  EtcdError error;
  grpc::StatusCode code;
  const char* text;
};

// Every row, in the order of the enumeration.
absl::Span<const ErrorRow> ErrorTable();

grpc::Status ToStatus(EtcdError error);

// OK for kNone.
grpc::Status ToStatus(kv::Error error);
grpc::Status ToStatus(MemberRefusal refusal);
grpc::Status ToStatus(Failure failure);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_ERROR_TABLE_H_
