// One connection from a client and the calls on it.
//
// What a client may do is bounded here: header time, streams, resets and control frames per second,
// and age. Crossing a bound ends the connection with a GOAWAY that says which.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_CLIENT_CONNECTION_H_
#define SYNOD_BALANCER_PROXY_CLIENT_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/proxy/call.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/http2_session.h"
#include "balancer/proxy/token_bucket.h"
#include "balancer/proxy/transport.h"
#include "balancer/proxy/worker_context.h"

namespace synod::balancer {

class ClientConnection final : public EventLoop::Handler,
                               public Http2Session::Owner,
                               public Call::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // It is gone, its calls have ended. Deleting it is the owner's, by DeleteLater.
    virtual void OnClientGone(ClientConnection* connection) = 0;
  };

  ClientConnection(WorkerContext* context, std::unique_ptr<Transport> transport, Owner* owner);
  ~ClientConnection() override;

  void Start();

  // Two GOAWAYs, the second once the client has seen the first, so that no stream that is on its
  // way is refused; then closes after the last call. Idempotent.
  void Drain();
  // Ends the calls that are left with UNAVAILABLE and closes once that is written.
  void FailCalls(absl::string_view reason);
  // Closes now. Not from within a callback of the session.
  void Close(absl::string_view reason) { session_->Close(reason); }

  Stream* OnNewStream(int32_t id) override;
  void OnStreamClosed() override {}
  void OnFrame(const nghttp2_frame& frame, bool sent) override;
  void OnInvalidFrame() override;
  void OnSessionClosed(absl::string_view reason) override;
  void OnCallEnded(Call* call) override;
  void OnRapidReset() override;

  void OnEvents(uint32_t) override {}
  // Closes when drained and empty: outside of the session's callbacks.
  void OnFlush() override;

  size_t index = 0;  // the owner's

 private:
  enum class Drained { kNo, kAnnounced, kFinal };

  void FinishDrain();
  // Ends the connection for what the client did; once.
  void Punish(absl::string_view what, double per_second);
  void CheckHeaderTime();

  WorkerContext* context_;
  Owner* owner_;
  std::unique_ptr<Http2Session> session_;
  std::vector<std::unique_ptr<Call>> calls_;
  Drained drained_ = Drained::kNo;
  bool greeted_ = false;  // the client's SETTINGS are there
  bool punished_ = false;
  TokenBucket resets_;
  TokenBucket control_frames_;
  EventLoop::TimerId header_timer_;
  EventLoop::TimerId age_timer_;
  EventLoop::TimerId drain_timer_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_CLIENT_CONNECTION_H_
