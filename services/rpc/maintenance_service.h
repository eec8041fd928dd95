// etcdserverpb.Maintenance: Status, Defragment, HashKV and MoveLeader of this member, and Alarm of
// the cluster; the rest answers UNIMPLEMENTED.
#ifndef SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_
#define SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_

#include "etcd/maintenance.grpc.pb.h"
#include "services/rpc/call.h"
#include "services/rpc/unserved.h"

namespace synod::rpc {

// The etcd release whose API is served; clients parse it (Kubernetes wants 3.5.13 or later).
inline constexpr char kEtcdVersion[] = "3.6.0";

class MaintenanceService final : public UnservedMaintenance {
 public:
  explicit MaintenanceService(const CallEnvironment& environment) : environment_(environment) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const etcdserverpb::StatusRequest* request,
                                   etcdserverpb::StatusResponse* response) override;

  // As in etcd, the member is free: anybody may raise or disarm an alarm in anybody's name, GET
  // gives those of all members, and disarming one that is not raised has an empty answer.
  grpc::ServerUnaryReactor* Alarm(grpc::CallbackServerContext* context,
                                  const etcdserverpb::AlarmRequest* request,
                                  etcdserverpb::AlarmResponse* response) override;

  // Unlike etcd's it stops nobody: reads and writes go on meanwhile. It ends when the client goes
  // away: give it time enough.
  grpc::ServerUnaryReactor* Defragment(grpc::CallbackServerContext* context,
                                       const etcdserverpb::DefragmentRequest* request,
                                       etcdserverpb::DefragmentResponse* response) override;

  // Equal for members that give the same compact_revision for the same revision, if all is well.
  // The number is not etcd's. It, too, ends when the client goes away.
  grpc::ServerUnaryReactor* HashKV(grpc::CallbackServerContext* context,
                                   const etcdserverpb::HashKVRequest* request,
                                   etcdserverpb::HashKVResponse* response) override;

  // To be sent to the leader itself, as with etcd.
  grpc::ServerUnaryReactor* MoveLeader(grpc::CallbackServerContext* context,
                                       const etcdserverpb::MoveLeaderRequest* request,
                                       etcdserverpb::MoveLeaderResponse* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_
