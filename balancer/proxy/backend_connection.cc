#include "balancer/proxy/backend_connection.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::balancer {
namespace {

// Stream ids are used up at 2^31; a connection retires long before.
constexpr int32_t kLastStreamId = 1 << 30;

}  // namespace

BackendConnection::BackendConnection(EventLoop* loop, std::unique_ptr<Transport> transport,
                                     const ProxyOptions& options, Observer* observer)
    : loop_(loop), options_(options), observer_(observer) {
  SessionOptions session;
  session.connecting = true;
  session.max_header_bytes = options.max_header_bytes;
  session.stream_window = static_cast<uint32_t>(options.stream_buffer_bytes);
  session.connection_window = static_cast<uint32_t>(options.connection_buffer_bytes);
  // The stream windows alone bound it: no client's slow reading may stall the others.
  session.early_release_bytes = std::numeric_limits<size_t>::max();
  session_ = std::make_unique<Http2Session>(loop, std::move(transport), session, this);
}

BackendConnection::~BackendConnection() {
  loop_->CancelTimer(timer_);
}

void BackendConnection::Start(bool ping) {
  ping_ = ping;
  timer_ = loop_->AddTimer(options_.connect_timeout, [this] { OnConnectTimeout(); });
  session_->Start();
}

bool BackendConnection::HasRoom() const {
  return state() == State::kReady && streams_ < session_->peer_max_concurrent_streams();
}

bool BackendConnection::Submit(const HeaderList& headers, Stream* stream) {
  if (!session_->SubmitRequest(headers, stream)) return false;
  ++streams_;
  if (session_->StreamId(stream) >= kLastStreamId) Retire();
  return true;
}

void BackendConnection::Retire() {
  if (state() == State::kClosed) return;
  state_ = State::kRetired;
  loop_->ScheduleFlush(this);
}

void BackendConnection::OnStreamClosed() {
  --streams_;
  if (state_ == State::kRetired) loop_->ScheduleFlush(this);
}

void BackendConnection::OnFrame(const nghttp2_frame& frame, bool sent) {
  if (sent) return;
  const bool ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  if (frame.hd.type == NGHTTP2_SETTINGS && !ack && state_ == State::kConnecting) {
    state_ = State::kReady;
    established_ = true;
    loop_->CancelTimer(timer_);
    if (ping_) StartPingTimer(options_.backend_ping_interval);
    observer_->OnStateChange(this);
  } else if (frame.hd.type == NGHTTP2_GOAWAY && state_ != State::kRetired) {
    Retire();
    observer_->OnStateChange(this);
  } else if (frame.hd.type == NGHTTP2_PING && ack) {
    ping_unanswered_ = false;
  }
}

void BackendConnection::OnSessionClosed(absl::string_view reason) {
  loop_->CancelTimer(timer_);
  observer_->OnGone(this, reason);
}

void BackendConnection::OnFlush() {
  if (state() != State::kRetired || streams_ > 0) return;
  if (!established_) return session_->Close("no longer wanted");
  session_->SubmitGoaway();
  session_->CloseWhenWritten();
}

void BackendConnection::OnConnectTimeout() {
  session_->Close(
      session_->connecting()
          ? absl::StrCat("no connection within ", absl::FormatDuration(options_.connect_timeout))
          : absl::StrCat("connected, but no HTTP/2 SETTINGS within ",
                         absl::FormatDuration(options_.connect_timeout)));
}

void BackendConnection::StartPingTimer(absl::Duration delay) {
  timer_ = loop_->AddTimer(delay, [this] { OnPingTimer(); });
}

void BackendConnection::OnPingTimer() {
  const absl::Duration silent = loop_->now() - session_->last_read();
  if (silent < options_.backend_ping_interval) {
    ping_unanswered_ = false;
    StartPingTimer(options_.backend_ping_interval - silent);
  } else if (ping_unanswered_) {
    session_->Close(absl::StrCat("no answer to a PING within ",
                                 absl::FormatDuration(options_.backend_ping_timeout)));
  } else {
    ping_unanswered_ = true;
    session_->Ping();
    StartPingTimer(options_.backend_ping_timeout);
  }
}

}  // namespace synod::balancer
