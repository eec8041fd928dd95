// Server reflection, v1 and v1alpha, answered from the descriptors compiled into the program.
// (gRPC 1.51 brings v1alpha alone; newer clients ask for v1 first.)
//
// Thread-safety: immutable.
#ifndef SYNOD_SERVICES_RPC_REFLECTION_SERVICE_H_
#define SYNOD_SERVICES_RPC_REFLECTION_SERVICE_H_

#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace synod::rpc {

// The two versions differ in nothing but the package of their messages.
struct ReflectionV1 {
  using Service = grpc::reflection::v1::ServerReflection::CallbackService;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct ReflectionV1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection::CallbackService;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

template <class Version>
class ReflectionService final : public Version::Service {
 public:
  // `services`: full names of what the server serves, for list_services.
  explicit ReflectionService(std::vector<std::string> services) : services_(std::move(services)) {}

  grpc::ServerBidiReactor<typename Version::Request, typename Version::Response>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  const std::vector<std::string> services_;
};

extern template class ReflectionService<ReflectionV1>;
extern template class ReflectionService<ReflectionV1Alpha>;

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_REFLECTION_SERVICE_H_
