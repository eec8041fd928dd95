// Reads of one state of the store: ranges and the compares of transactions, as etcd executes them.
//
// Thread-safety: functions of their arguments. Status codes: versions.h.
#ifndef SYNOD_SERVICES_KV_RANGE_H_
#define SYNOD_SERVICES_KV_RANGE_H_

#include "absl/status/statusor.h"
#include "services/kv/types.h"
#include "services/kv/versions.h"

namespace synod::kv {

// What a state of the store lets a read ask for.
struct Bounds {
  Revision revision = 1;  // newest
  Revision floor = -1;    // of compaction; itself readable
};

// Whether a Range on its own may read at request.revision. Not above the newest; zero and negative
// mean the newest; not below the floor. (etcd: mvcc/kvstore_txn.go, rangeKeys.)
Error CheckRevision(const RangeRequest& request, Bounds bounds);

// The same inside a transaction, where only zero means the newest. (etcd: txn/range.go,
// checkRange.)
Error CheckRevisionInTxn(const RangeRequest& request, Bounds bounds);

// Precondition: one of the checks above passed. (etcd: txn/range.go, executeRange.)
absl::StatusOr<RangeResponse> ExecuteRange(const Versions& versions, const RangeRequest& request,
                                           Revision newest);

// True when all of `compares` hold at revision `newest`. (etcd: txn/txn.go, applyCompares.)
absl::StatusOr<bool> HoldAll(const Versions& versions, const std::vector<Compare>& compares,
                             Revision newest);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_RANGE_H_
