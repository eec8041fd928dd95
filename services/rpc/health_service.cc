#include "services/rpc/health_service.h"

#include <utility>

#include "services/rpc/error_table.h"

namespace synod::rpc {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

HealthService::HealthService(std::vector<std::string> services)
    : services_([&] {
        std::set<std::string> known(services.begin(), services.end());
        known.insert("");
        return known;
      }()) {}

void HealthService::SetServing(bool serving) {
  absl::MutexLock lock(&mutex_);
  if (serving == serving_ || shut_down_) return;
  serving_ = serving;
  Publish();
}

void HealthService::Shutdown() {
  absl::MutexLock lock(&mutex_);
  serving_ = false;
  shut_down_ = true;
  Publish();
  for (const auto* watches : {&watches_, &unknown_watches_}) {
    for (Stream* watch : *watches) watch->End(ToStatus(EtcdError::kStopped));
  }
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (services_.count(request->service()) == 0) {
    reactor->Finish({grpc::StatusCode::NOT_FOUND, "unknown service '" + request->service() + "'"});
    return reactor;
  }
  {
    absl::MutexLock lock(&mutex_);
    *response = State();
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext*, const HealthCheckRequest* request) {
  auto* stream = new Stream([this](Stream* done) {
    absl::MutexLock lock(&mutex_);
    watches_.erase(done);
    unknown_watches_.erase(done);
  });
  absl::MutexLock lock(&mutex_);
  HealthCheckResponse now = State();
  if (services_.count(request->service()) == 0) {
    // For good: the set of services is fixed.
    now.set_status(HealthCheckResponse::SERVICE_UNKNOWN);
    unknown_watches_.insert(stream);
  } else {
    watches_.insert(stream);
  }
  stream->Publish(std::move(now));
  if (shut_down_) stream->End(ToStatus(EtcdError::kStopped));
  return stream;
}

HealthCheckResponse HealthService::State() const {
  HealthCheckResponse state;
  state.set_status(serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  return state;
}

void HealthService::Publish() {
  for (Stream* watch : watches_) watch->Publish(State());
}

}  // namespace synod::rpc
