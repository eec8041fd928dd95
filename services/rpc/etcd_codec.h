// etcd's requests and responses to and from the state machine's.
//
// Requests are translated, not judged: kv/validate.h does that, and values of enumerations that
// etcd does not have become values that it refuses. What of a transaction cannot be translated is
// refused here, where etcd would.
//
// Thread-safety: pure functions.
#ifndef SYNOD_SERVICES_RPC_ETCD_CODEC_H_
#define SYNOD_SERVICES_RPC_ETCD_CODEC_H_

#include "etcd/kv.pb.h"
#include "grpcpp/support/status.h"
#include "services/kv/types.h"

namespace synod::rpc {

kv::RangeRequest FromProto(const etcdserverpb::RangeRequest& in);
kv::PutRequest FromProto(const etcdserverpb::PutRequest& in);
kv::DeleteRangeRequest FromProto(const etcdserverpb::DeleteRangeRequest& in);

// The first that is wrong is named, in etcd's order and words (v3rpc/key.go, checkTxnRequest): more
// than `max_ops` operations, before they cost memory; an operation that is none; and what comes
// before it, as kv::Validate finds it. InvalidArgument, too, for a comparison that is none (etcd
// takes it as true). Overlaps of what is well-formed are left to kv::Validate.
grpc::Status FromProto(const etcdserverpb::TxnRequest& in, int max_ops, kv::TxnRequest& out);

// Strings are moved out of the first argument. Headers of the outermost messages are left alone.
void ToProto(kv::RangeResponse in, etcdserverpb::RangeResponse& out);
void ToProto(kv::PutResponse in, etcdserverpb::PutResponse& out);
void ToProto(kv::DeleteRangeResponse in, etcdserverpb::DeleteRangeResponse& out);

// `revision`: the store's after the transaction. As in etcd, the header of an inner response has
// the revision at which that operation ran and nothing else.
void ToProto(kv::TxnResponse in, kv::Revision revision, etcdserverpb::TxnResponse& out);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_ETCD_CODEC_H_
