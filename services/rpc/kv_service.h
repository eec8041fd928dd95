// etcdserverpb.KV. Range, Put, DeleteRange, Txn and Compact; the rest answers UNIMPLEMENTED.
#ifndef SYNOD_SERVICES_RPC_KV_SERVICE_H_
#define SYNOD_SERVICES_RPC_KV_SERVICE_H_

#include "etcd/kv.grpc.pb.h"
#include "services/rpc/call.h"
#include "services/rpc/unserved.h"

namespace synod::rpc {

class KvService final : public UnservedKv {
 public:
  explicit KvService(const CallEnvironment& environment) : environment_(environment) {}

  grpc::ServerUnaryReactor* Range(grpc::CallbackServerContext* context,
                                  const etcdserverpb::RangeRequest* request,
                                  etcdserverpb::RangeResponse* response) override;
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context,
                                const etcdserverpb::PutRequest* request,
                                etcdserverpb::PutResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRange(grpc::CallbackServerContext* context,
                                        const etcdserverpb::DeleteRangeRequest* request,
                                        etcdserverpb::DeleteRangeResponse* response) override;
  grpc::ServerUnaryReactor* Txn(grpc::CallbackServerContext* context,
                                const etcdserverpb::TxnRequest* request,
                                etcdserverpb::TxnResponse* response) override;
  grpc::ServerUnaryReactor* Compact(grpc::CallbackServerContext* context,
                                    const etcdserverpb::CompactionRequest* request,
                                    etcdserverpb::CompactionResponse* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_KV_SERVICE_H_
