// grpc.health.v1.Health: SERVING while the node can serve linearizable reads and writes.
//
// The server as a whole ("") and each of its services share one state; other names are unknown.
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_HEALTH_SERVICE_H_
#define SYNOD_SERVICES_RPC_HEALTH_SERVICE_H_

#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/rpc/latest_stream.h"

namespace synod::rpc {

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // Not serving until told otherwise.
  explicit HealthService(std::vector<std::string> services);

  void SetServing(bool serving);

  // NOT_SERVING for good; ends the watches.
  void Shutdown();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  using Response = grpc::health::v1::HealthCheckResponse;
  using Stream = LatestStream<Response>;

  Response State() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::set<std::string> services_;
  absl::Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Stream*> watches_ ABSL_GUARDED_BY(mutex_);
  std::set<Stream*> unknown_watches_ ABSL_GUARDED_BY(mutex_);  // of names that are not served
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_HEALTH_SERVICE_H_
