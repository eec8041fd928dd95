// Transactions, in etcd's three steps (etcdserver/txn/txn.go): choose every branch from the state
// before the transaction, check what would run, run it. A check that fails leaves no effect; after
// the checks only the engine can fail.
//
// Thread-safety: functions of their arguments. Status codes: versions.h.
#ifndef SYNOD_SERVICES_KV_TXN_H_
#define SYNOD_SERVICES_KV_TXN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "services/kv/mutation.h"
#include "services/kv/range.h"
#include "services/kv/types.h"
#include "services/kv/versions.h"

namespace synod::kv {

// Whether a Put may run: the lease exists, and what it wants to keep is there.
absl::StatusOr<Error> CheckPut(const Versions& versions, const PutRequest& request, Bounds bounds);

// For each transaction of the tree, in preorder and along chosen branches only, whether its
// compares held: every one of them looks at the state before the outermost transaction.
using Choices = std::vector<bool>;
absl::StatusOr<Choices> Choose(const Versions& versions, const TxnRequest& request, Bounds bounds);

// Whether the chosen operations may run.
absl::StatusOr<Error> CheckTxn(const Versions& versions, const TxnRequest& request,
                               const Choices& choices, Bounds bounds);

// Runs the chosen operations.
absl::StatusOr<TxnResponse> RunTxn(Mutation& mutation, const TxnRequest& request,
                                   const Choices& choices);

// The same for a transaction that IsReadOnly.
absl::StatusOr<TxnResponse> RunReadOnlyTxn(const Versions& versions, const TxnRequest& request,
                                           const Choices& choices, Bounds bounds);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_TXN_H_
