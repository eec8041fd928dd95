// etcdserverpb.Cluster: the members, and changes of them. A member that is added gets its vote by
// itself once it has caught up (member_change.h); until then it is shown as a learner.
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
  grpc::ServerUnaryReactor* MemberAdd(grpc::CallbackServerContext* context,
                                      const etcdserverpb::MemberAddRequest* request,
                                      etcdserverpb::MemberAddResponse* response) override;
  grpc::ServerUnaryReactor* MemberRemove(grpc::CallbackServerContext* context,
                                         const etcdserverpb::MemberRemoveRequest* request,
                                         etcdserverpb::MemberRemoveResponse* response) override;
  grpc::ServerUnaryReactor* MemberUpdate(grpc::CallbackServerContext* context,
                                         const etcdserverpb::MemberUpdateRequest* request,
                                         etcdserverpb::MemberUpdateResponse* response) override;
  grpc::ServerUnaryReactor* MemberPromote(grpc::CallbackServerContext* context,
                                          const etcdserverpb::MemberPromoteRequest* request,
                                          etcdserverpb::MemberPromoteResponse* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CLUSTER_SERVICE_H_
