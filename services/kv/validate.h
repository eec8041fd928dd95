// Whether a request is well-formed, before it costs anything: etcd's checks in etcd's order
// (v3rpc/key.go). Pure; needs no store.
#ifndef SYNOD_SERVICES_KV_VALIDATE_H_
#define SYNOD_SERVICES_KV_VALIDATE_H_

#include "services/kv/types.h"

namespace synod::kv {

Error Validate(const RangeRequest& request);
Error Validate(const PutRequest& request);
Error Validate(const DeleteRangeRequest& request);

// `max_ops` bounds compares, success and failure each; nested transactions draw on what is left.
// A key may be put at most once, and not put and deleted, per branch, nested levels included. One
// rule of our own: more than kMaxTxnDepth levels are kTooManyOps.
Error Validate(const TxnRequest& request, int max_ops);

// True when neither branch, at any depth, contains a put or a delete.
bool IsReadOnly(const TxnRequest& request);

// True when the transaction is read-only and every range in it is serializable.
bool IsSerializable(const TxnRequest& request);

// True when the read looks at single keys only: short, whatever the store holds.
bool IsPointRead(const RangeRequest& request);
bool IsPointRead(const TxnRequest& request);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_VALIDATE_H_
