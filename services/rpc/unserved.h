// Answers calls to services that are not served, Watch and Lease among them: UNIMPLEMENTED like
// gRPC itself, but with a word about what was asked for.
#ifndef SYNOD_SERVICES_RPC_UNSERVED_H_
#define SYNOD_SERVICES_RPC_UNSERVED_H_

#include "grpcpp/generic/async_generic_service.h"

namespace synod::rpc {

class Unserved final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_UNSERVED_H_
