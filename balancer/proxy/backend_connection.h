// One HTTP/2 connection to a backend, shared by the calls of one worker.
//
// It is ready once the backend's SETTINGS are there: from then on it is known how many streams it
// takes, and a call that gets a place never waits for another call.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_BACKEND_CONNECTION_H_
#define SYNOD_BALANCER_PROXY_BACKEND_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/header_list.h"
#include "balancer/proxy/http2_session.h"
#include "balancer/proxy/proxy.h"
#include "balancer/proxy/stream.h"

namespace synod::balancer {

class BackendConnection final : public Http2Session::Owner, public EventLoop::Handler {
 public:
  enum class State { kConnecting, kReady, kRetired, kClosed };

  class Observer {
   public:
    virtual ~Observer() = default;
    // Ready, or retired by the backend's GOAWAY; state() tells.
    virtual void OnStateChange(BackendConnection* connection) = 0;
    // It is gone, and its streams have been told. Deleting it is the observer's, by DeleteLater.
    virtual void OnGone(BackendConnection* connection, absl::string_view reason) = 0;
  };

  BackendConnection(EventLoop* loop, std::unique_ptr<Transport> transport,
                    const ProxyOptions& options, Observer* observer);
  ~BackendConnection() override;

  // `ping`: probe the backend by HTTP/2 PING when it is silent (the backend must allow it).
  void Start(bool ping);

  // Closed from the session's end on: also while its streams are being told, who may ask for a
  // place elsewhere.
  State state() const { return session_->closed() ? State::kClosed : state_; }
  // The backend has spoken HTTP/2 on it, now or before it retired or closed.
  bool established() const { return established_; }
  uint32_t streams() const { return streams_; }
  // True when one more stream may be opened now.
  bool HasRoom() const;

  // Opens a stream. Precondition: HasRoom(). False when the connection took it not after all.
  bool Submit(const HeaderList& headers, Stream* stream);
  Http2Session& session() { return *session_; }

  // No new streams; closes after the last one.
  void Retire();
  // Closes now. Not from within a callback of the session.
  void Close(absl::string_view reason) { session_->Close(reason); }

  Stream* OnNewStream(int32_t) override { return nullptr; }
  void OnStreamClosed() override;
  void OnFrame(const nghttp2_frame& frame, bool sent) override;
  void OnInvalidFrame() override {}
  void OnSessionClosed(absl::string_view reason) override;

  void OnEvents(uint32_t) override {}
  // Closes when retired and empty: outside of the session's callbacks.
  void OnFlush() override;

 private:
  void OnConnectTimeout();
  void OnPingTimer();
  void StartPingTimer(absl::Duration delay);

  EventLoop* loop_;
  const ProxyOptions& options_;
  Observer* observer_;
  std::unique_ptr<Http2Session> session_;
  State state_ = State::kConnecting;
  bool established_ = false;
  uint32_t streams_ = 0;
  bool ping_ = false;
  bool ping_unanswered_ = false;
  EventLoop::TimerId timer_;  // connecting, then pings
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_BACKEND_CONNECTION_H_
