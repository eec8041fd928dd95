#include "balancer/proxy/client_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::balancer {
namespace {

// Calls that are cancelled as soon as they are made (CVE-2023-44487; Call::Owner) and frames that
// break a rule: a client that cancels a full connection's streams at once, and then 100 a second,
// is still fine.
constexpr double kResetBurst = 1000;
constexpr double kResetsPerSecond = 100;

// PING, SETTINGS, PRIORITY, and DATA without data. gRPC clients measure their bandwidth with PINGs,
// about one per round trip while data comes in, so every frame sent to a client pays for one.
constexpr double kControlBurst = 1000;
constexpr double kControlPerSecond = 100;

// Of request bytes that a stalled backend does not take: 64 calls that hold a whole stream's window
// stall no other call of the connection.
constexpr size_t kEarlyReleaseBytes = 4 << 20;

// A client that does not acknowledge the first GOAWAY gets the second one after this.
constexpr absl::Duration kDrainRoundTrip = absl::Seconds(1);

SessionOptions ServerOptions(const ProxyOptions& options) {
  SessionOptions session;
  session.server = true;
  session.max_header_bytes = options.max_header_bytes;
  session.stream_window = static_cast<uint32_t>(options.stream_buffer_bytes);
  session.connection_window = static_cast<uint32_t>(options.connection_buffer_bytes);
  session.early_release_bytes = kEarlyReleaseBytes;
  session.max_concurrent_streams = options.max_streams_per_client_connection;
  return session;
}

bool IsControlFrame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
      return (frame.hd.flags & NGHTTP2_FLAG_ACK) == 0;
    case NGHTTP2_PRIORITY:
      return true;
    case NGHTTP2_DATA:
      return frame.hd.length == 0 && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
    default:
      return false;
  }
}

}  // namespace

ClientConnection::ClientConnection(WorkerContext* context, std::unique_ptr<Transport> transport,
                                   Owner* owner)
    : context_(context),
      owner_(owner),
      session_(std::make_unique<Http2Session>(&context->loop, std::move(transport),
                                              ServerOptions(context->options), this)),
      resets_(kResetBurst, kResetsPerSecond, context->loop.now()),
      control_frames_(kControlBurst, kControlPerSecond, context->loop.now()) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::Start() {
  const ProxyOptions& options = context_->options;
  header_timer_ = context_->loop.AddTimer(options.header_timeout, [this] { CheckHeaderTime(); });
  if (options.max_client_connection_age != absl::InfiniteDuration()) {
    const double jitter = 0.9 + 0.2 * context_->random.Unit();
    age_timer_ =
        context_->loop.AddTimer(options.max_client_connection_age * jitter, [this] { Drain(); });
  }
  session_->Start();
}

void ClientConnection::Drain() {
  if (drained_ != Drained::kNo || session_->closed()) return;
  drained_ = Drained::kAnnounced;
  session_->SubmitShutdownNotice();
  drain_timer_ = context_->loop.AddTimer(kDrainRoundTrip, [this] { FinishDrain(); });
}

void ClientConnection::FinishDrain() {
  if (drained_ != Drained::kAnnounced) return;
  drained_ = Drained::kFinal;
  session_->SubmitGoaway();
  context_->loop.ScheduleFlush(this);
}

void ClientConnection::FailCalls(absl::string_view reason) {
  Drain();
  FinishDrain();
  for (const auto& call : calls_) call->Fail(absl::StatusCode::kUnavailable, reason);
}

Stream* ClientConnection::OnNewStream(int32_t) {
  if (drained_ == Drained::kFinal) return nullptr;
  calls_.push_back(std::make_unique<Call>(context_, session_.get(), this));
  calls_.back()->index = calls_.size() - 1;
  return calls_.back()->client_stream();
}

void ClientConnection::OnFrame(const nghttp2_frame& frame, bool sent) {
  const bool ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  if (sent) {
    if (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) control_frames_.Earn(1);
    // Behind the announcement, not before it: its answer means that the client has read both.
    if (frame.hd.type == NGHTTP2_GOAWAY && drained_ == Drained::kAnnounced) session_->Ping();
  } else if (IsControlFrame(frame)) {
    if (frame.hd.type == NGHTTP2_SETTINGS) greeted_ = true;
    if (!control_frames_.Take(context_->loop.now())) {
      Punish("too many PING, SETTINGS, PRIORITY or empty DATA frames", kControlPerSecond);
    }
  } else if (frame.hd.type == NGHTTP2_PING && ack) {
    FinishDrain();
  }
}

void ClientConnection::OnInvalidFrame() {
  if (resets_.Take(context_->loop.now())) return;
  Punish("too many calls reset at once or frames that break HTTP/2's rules", kResetsPerSecond);
}

void ClientConnection::OnRapidReset() {
  OnInvalidFrame();
}

void ClientConnection::Punish(absl::string_view what, double per_second) {
  if (std::exchange(punished_, true)) return;
  context_->counters.connections_punished_total.fetch_add(1, std::memory_order_relaxed);
  session_->Terminate(NGHTTP2_ENHANCE_YOUR_CALM,
                      absl::StrCat("synod-balancer: ", what, "; the limit is ", per_second,
                                   " a second over time: slow down"));
}

void ClientConnection::CheckHeaderTime() {
  const absl::Duration now = context_->loop.now();
  const absl::Duration limit = context_->options.header_timeout;
  const absl::Duration open = session_->HeadersOpenFor(now);
  if (!greeted_) return session_->Close("no HTTP/2 preface and SETTINGS in time");
  if (open >= limit) return session_->Close("a header block was not completed in time");
  header_timer_ = context_->loop.AddTimer(limit - open, [this] { CheckHeaderTime(); });
}

void ClientConnection::OnSessionClosed(absl::string_view) {
  context_->loop.CancelTimer(header_timer_);
  context_->loop.CancelTimer(age_timer_);
  context_->loop.CancelTimer(drain_timer_);
  owner_->OnClientGone(this);
}

void ClientConnection::OnCallEnded(Call* call) {
  const size_t index_of_call = call->index;
  std::swap(calls_[index_of_call], calls_.back());
  calls_[index_of_call]->index = index_of_call;
  calls_.pop_back();
  if (drained_ == Drained::kFinal) context_->loop.ScheduleFlush(this);
}

void ClientConnection::OnFlush() {
  if (drained_ == Drained::kFinal && calls_.empty()) session_->CloseWhenWritten();
}

}  // namespace synod::balancer
