// A server stream that someone listens to, on gRPC's callback API.
#ifndef SYNOD_BALANCER_CONTROL_SUBSCRIPTION_H_
#define SYNOD_BALANCER_CONTROL_SUBSCRIPTION_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <utility>

#include "absl/synchronization/notification.h"

namespace synod::balancer {

// Callbacks run on gRPC's threads, one at a time. Destroying it cancels the stream and waits for
// the last callback, so the destroying thread must hold nothing that a callback waits for.
template <class Response>
class Subscription final : public grpc::ClientReadReactor<Response> {
 public:
  using OnMessage = std::function<void(const Response&)>;
  using OnEnd = std::function<void(const grpc::Status&)>;

  // `start` binds the reactor to a method: stub->async()->Method(context, &request, reactor).
  template <class Start>
  Subscription(Start start, OnMessage on_message, OnEnd on_end)
      : on_message_(std::move(on_message)), on_end_(std::move(on_end)) {
    start(&context_, this);
    this->StartRead(&response_);
    this->StartCall();
  }
  ~Subscription() override {
    context_.TryCancel();
    ended_.WaitForNotification();
  }

  bool ended() const { return ended_.HasBeenNotified(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    on_message_(response_);
    this->StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    on_end_(status);
    ended_.Notify();
  }

  grpc::ClientContext context_;
  Response response_;
  const OnMessage on_message_;
  const OnEnd on_end_;
  absl::Notification ended_;
};

// One unary call with a deadline, on the same terms.
template <class Response>
class PendingCall {
 public:
  using OnEnd = std::function<void(const grpc::Status&, const Response&)>;

  // `start` binds it: stub->async()->Method(context, &request, response, on_end).
  template <class Start>
  PendingCall(Start start, std::chrono::milliseconds timeout, OnEnd on_end) {
    context_.set_deadline(std::chrono::system_clock::now() + timeout);
    start(&context_, &response_, [this, on_end = std::move(on_end)](const grpc::Status& status) {
      on_end(status, response_);
      ended_.Notify();
    });
  }
  ~PendingCall() {
    context_.TryCancel();
    ended_.WaitForNotification();
  }

  bool ended() const { return ended_.HasBeenNotified(); }

 private:
  grpc::ClientContext context_;
  Response response_;
  absl::Notification ended_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_SUBSCRIPTION_H_
