#include "balancer/control/quiet_grpc.h"

#include <grpc/support/log.h>

namespace synod::balancer {

void QuietGrpc() {
  gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace synod::balancer
