// Keeps the gRPC library's own lines off stderr: what they tell reaches us as a status.
#ifndef SYNOD_BALANCER_CONTROL_QUIET_GRPC_H_
#define SYNOD_BALANCER_CONTROL_QUIET_GRPC_H_

namespace synod::balancer {

// For the whole process; before any thread starts.
void QuietGrpc();

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_QUIET_GRPC_H_
