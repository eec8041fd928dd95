// What clients hear about requests that are no messages: garbage, no bytes at all, transactions
// nested deeper than protobuf reads.
#ifndef SYNOD_SERVICES_RPC_UNPARSABLE_H_
#define SYNOD_SERVICES_RPC_UNPARSABLE_H_

#include <memory>
#include <vector>

#include "grpcpp/support/server_interceptor.h"

namespace synod::rpc {

// For ServerBuilder::experimental().SetInterceptorCreators. gRPC's callback handlers answer such a
// request with UNIMPLEMENTED and no text, which reads as "not served"; this makes INTERNAL of it,
// as etcd has it, with a reason. No handler of ours says UNIMPLEMENTED without a text.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
ExplainUnparsable();

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_UNPARSABLE_H_
