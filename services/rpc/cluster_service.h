// etcdserverpb.Cluster: MemberList; membership changes answer UNIMPLEMENTED.
#ifndef SYNOD_SERVICES_RPC_CLUSTER_SERVICE_H_
#define SYNOD_SERVICES_RPC_CLUSTER_SERVICE_H_

#include "etcd/cluster.grpc.pb.h"
#include "services/rpc/call.h"

namespace synod::rpc {

class ClusterService final : public etcdserverpb::Cluster::CallbackService {
 public:
  explicit ClusterService(const CallEnvironment& environment) : environment_(environment) {}

  grpc::ServerUnaryReactor* MemberList(grpc::CallbackServerContext* context,
                                       const etcdserverpb::MemberListRequest* request,
                                       etcdserverpb::MemberListResponse* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CLUSTER_SERVICE_H_
