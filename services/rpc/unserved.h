// Answers calls to what is not served, Watch and Lease among it: UNIMPLEMENTED like gRPC itself,
// but with a word about what was asked for.
#ifndef SYNOD_SERVICES_RPC_UNSERVED_H_
#define SYNOD_SERVICES_RPC_UNSERVED_H_

#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "grpcpp/generic/async_generic_service.h"

namespace synod::rpc {

class Unserved final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

// The same for the methods of services that are served otherwise.
class UnservedKv : public etcdserverpb::KV::CallbackService {
 public:
  grpc::ServerWriteReactor<etcdserverpb::RangeStreamResponse>* RangeStream(
      grpc::CallbackServerContext*, const etcdserverpb::RangeRequest*) final;
};

class UnservedMaintenance : public etcdserverpb::Maintenance::CallbackService {
 public:
  grpc::ServerUnaryReactor* Hash(grpc::CallbackServerContext* context,
                                 const etcdserverpb::HashRequest*,
                                 etcdserverpb::HashResponse*) final;
  grpc::ServerWriteReactor<etcdserverpb::SnapshotResponse>* Snapshot(
      grpc::CallbackServerContext*, const etcdserverpb::SnapshotRequest*) final;
  grpc::ServerUnaryReactor* Downgrade(grpc::CallbackServerContext* context,
                                      const etcdserverpb::DowngradeRequest*,
                                      etcdserverpb::DowngradeResponse*) final;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_UNSERVED_H_
