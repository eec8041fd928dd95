// etcdserverpb.Maintenance: Status, and Alarm as far as asking for alarms; the rest answers
// UNIMPLEMENTED. Everything here speaks of this member alone.
#ifndef SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_
#define SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_

#include "etcd/maintenance.grpc.pb.h"
#include "services/rpc/call.h"

namespace synod::rpc {

// The etcd release whose API is served; clients parse it (Kubernetes wants 3.5.13 or later).
inline constexpr char kEtcdVersion[] = "3.6.0";

class MaintenanceService final : public etcdserverpb::Maintenance::CallbackService {
 public:
  explicit MaintenanceService(const CallEnvironment& environment) : environment_(environment) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const etcdserverpb::StatusRequest* request,
                                   etcdserverpb::StatusResponse* response) override;

  // No alarm is ever raised, so GET has an empty answer; raising or clearing one is UNIMPLEMENTED.
  grpc::ServerUnaryReactor* Alarm(grpc::CallbackServerContext* context,
                                  const etcdserverpb::AlarmRequest* request,
                                  etcdserverpb::AlarmResponse* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_MAINTENANCE_SERVICE_H_
