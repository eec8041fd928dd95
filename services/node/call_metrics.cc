#include "services/node/call_metrics.h"

#include <string>

namespace synod::node {
namespace {

bool IsServersFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

prometheus::Labels LabelsOf(rpc::Method method, absl::StatusCode code) {
  return {{"method", std::string(rpc::MethodName(method))},
          {"code", absl::StatusCodeToString(code)}};
}

}  // namespace

CallMetrics::CallMetrics(prometheus::Registry& registry)
    : calls_(prometheus::BuildCounter()
                 .Name("synod_calls_total")
                 .Help("Client calls answered, by method and status code")
                 .Register(registry)) {
  auto& seconds = prometheus::BuildHistogram()
                      .Name("synod_call_seconds")
                      .Help("From a call's arrival to its answer")
                      .Register(registry);
  prometheus::Histogram::BucketBoundaries bounds;
  for (double bound = 0.000125; bound < 10; bound *= 2) bounds.push_back(bound);
  for (int i = 0; i < rpc::kMethodCount; ++i) {
    const auto method = static_cast<rpc::Method>(i);
    methods_[i].succeeded = &calls_.Add(LabelsOf(method, absl::StatusCode::kOk));
    methods_[i].seconds = &seconds.Add({{"method", std::string(rpc::MethodName(method))}}, bounds);
  }
}

void CallMetrics::Started(rpc::Method) {
  started_.fetch_add(1, std::memory_order_relaxed);
}

void CallMetrics::Finished(rpc::Method method, absl::StatusCode code, absl::Duration latency) {
  finished_.fetch_add(1, std::memory_order_relaxed);
  const OneMethod& one = methods_[static_cast<size_t>(method)];
  one.seconds->Observe(absl::ToDoubleSeconds(latency));
  if (code == absl::StatusCode::kOk) {
    one.succeeded->Increment();
    return;
  }
  if (IsServersFault(code)) errors_.fetch_add(1, std::memory_order_relaxed);
  calls_.Add(LabelsOf(method, code)).Increment();
}

uint32_t CallMetrics::in_flight() const {
  // The two are read apart; never below zero.
  const uint64_t finished = finished_.load(std::memory_order_relaxed);
  const uint64_t started = started_.load(std::memory_order_relaxed);
  return started > finished ? static_cast<uint32_t>(started - finished) : 0;
}

}  // namespace synod::node
