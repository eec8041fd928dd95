#include "balancer/proxy/http2_session.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "balancer/proxy/http2_callbacks.h"
#include "common/check.h"

namespace synod::balancer {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kReadsPerTurn = 4;  // then the other connections have theirs
constexpr int kMaxPieces = 64;

// HTTP/1 and TLS clients get a hint instead of silence.
constexpr absl::string_view kNotHttp2 =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    "This port speaks gRPC: HTTP/2 without TLS, with prior knowledge.\n";

}  // namespace

Http2Session::Http2Session(EventLoop* loop, std::unique_ptr<Transport> transport,
                           const SessionOptions& options, Owner* owner)
    : loop_(loop),
      transport_(std::move(transport)),
      options_(options),
      owner_(owner),
      connecting_(options.connecting),
      last_read_(loop->now()) {
  InitNghttp2();
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

void Http2Session::InitNghttp2() {
  nghttp2_option* option;
  SYNOD_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // The owner counts resets itself and answers with ENHANCE_YOUR_CALM.
  nghttp2_option_set_stream_reset_rate_limit(option, 1'000'000, 1'000'000);
  // Its limit of unsent acknowledgements closes without a GOAWAY; the owner's rate limit is lower.
  nghttp2_option_set_max_outbound_ack(option, 10'000);
  nghttp2_session_callbacks* callbacks = Callbacks::Make();
  const int rv = options_.server ? nghttp2_session_server_new2(&session_, callbacks, this, option)
                                 : nghttp2_session_client_new2(&session_, callbacks, this, option);
  SYNOD_CHECK(rv == 0) << nghttp2_strerror(rv);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
}

void Http2Session::Start() {
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options_.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  if (options_.server) {
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.max_concurrent_streams});
  } else {
    settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  }
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(options_.connection_window));
  loop_->Add(transport_->fd(), connecting_ ? EPOLLOUT : EPOLLIN, this);
  ScheduleFlush();
}

bool Http2Session::SubmitRequest(const HeaderList& headers, Stream* stream) {
  if (closed()) return false;
  const bool no_body =
      stream->body.ended() && stream->body.unsent() == 0 && stream->body.trailers().empty();
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::ReadBody;
  const HeaderList::NvArray nv = headers.ToNv();
  const int32_t id = nghttp2_submit_request(session_, nullptr, nv.data(), nv.size(),
                                            no_body ? nullptr : &provider, stream);
  if (id < 0) return false;
  Register(stream, id);
  ScheduleFlush();
  return true;
}

void Http2Session::SubmitResponse(const HeaderList& headers, Stream* stream) {
  if (closed() || stream->id_ == 0) return;
  const bool no_body =
      stream->body.ended() && stream->body.unsent() == 0 && stream->body.trailers().empty();
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::ReadBody;
  const HeaderList::NvArray nv = headers.ToNv();
  nghttp2_submit_response(session_, stream->id_, nv.data(), nv.size(),
                          no_body ? nullptr : &provider);
  ScheduleFlush();
}

void Http2Session::Resume(Stream* stream) {
  if (closed() || stream->id_ == 0 || !stream->deferred_) return;
  stream->deferred_ = false;
  nghttp2_session_resume_data(session_, stream->id_);
  ScheduleFlush();
}

void Http2Session::Reset(Stream* stream, uint32_t code) {
  if (closed() || stream->id_ == 0) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, code);
  ScheduleFlush();
}

void Http2Session::Detach(Stream* stream) {
  if (stream->id_ == 0) return;
  if (!closed()) nghttp2_session_set_stream_user_data(session_, stream->id_, nullptr);
  Unregister(stream);
}

void Http2Session::Release(Stream* stream, size_t n) {
  if (closed() || n == 0) return;
  if (stream->id_ != 0) nghttp2_session_consume_stream(session_, stream->id_, n);
  const size_t before = HeldBeyond();
  SYNOD_CHECK(n <= held_);
  held_ -= n;
  ReleaseConnection(before - HeldBeyond());
  ScheduleFlush();
}

void Http2Session::ReleaseConnection(size_t n) {
  if (closed() || n == 0) return;
  nghttp2_session_consume_connection(session_, n);
  ScheduleFlush();
}

void Http2Session::Ping() {
  if (closed()) return;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  ScheduleFlush();
}

void Http2Session::SubmitShutdownNotice() {
  if (closed()) return;
  nghttp2_submit_shutdown_notice(session_);
  ScheduleFlush();
}

void Http2Session::SubmitGoaway() {
  if (closed()) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  ScheduleFlush();
}

void Http2Session::Terminate(uint32_t code, absl::string_view reason) {
  if (closed()) return;
  // nghttp2's own last GOAWAY has no place for a reason; this one goes before it.
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), code,
                        reinterpret_cast<const uint8_t*>(reason.data()), reason.size());
  nghttp2_session_terminate_session(session_, code);
  ScheduleFlush();
}

void Http2Session::CloseWhenWritten() {
  close_when_written_ = true;
  ScheduleFlush();
}

void Http2Session::Close(absl::string_view reason) {
  if (closed()) return;
  const std::string text(reason);
  loop_->Remove(transport_->fd());
  transport_.reset();
  std::vector<Stream*> streams;
  streams.swap(streams_);
  for (Stream* stream : streams) stream->id_ = 0;
  for (Stream* stream : streams) {
    const bool unwritten =
        stream->first_byte_ == Stream::kNotSerialized || stream->first_byte_ >= written_total_;
    stream->OnClose({.code = NGHTTP2_INTERNAL_ERROR,
                     .connection_lost = true,
                     .unprocessed = unwritten,
                     .reason = text});
  }
  owner_->OnSessionClosed(text);
}

size_t Http2Session::HeldBeyond() const {
  return held_ - std::min(held_, options_.early_release_bytes);
}

uint32_t Http2Session::peer_max_concurrent_streams() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

absl::Duration Http2Session::HeadersOpenFor(absl::Duration now) const {
  return headers_stream_ != 0 ? now - headers_since_ : absl::ZeroDuration();
}

bool Http2Session::OutputEmpty() const {
  return output_.empty() && nghttp2_session_want_write(session_) == 0;
}

void Http2Session::OnEvents(uint32_t epoll_events) {
  if (closed()) return;
  if (connecting_) {
    const std::string error = transport_->ConnectError();
    if (!error.empty()) return Close(error);
    connecting_ = false;
    loop_->Modify(transport_->fd(), EPOLLIN, this);
    ScheduleFlush();
    return;
  }
  if ((epoll_events & EPOLLOUT) != 0) {
    WantWrite(false);
    ScheduleFlush();
  }
  if ((epoll_events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) ReadSome();
}

void Http2Session::ReadSome() {
  static thread_local std::array<char, kReadBytes> buffer;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const IoResult result = transport_->Read(absl::MakeSpan(buffer));
    if (result.kind == IoResult::kWouldBlock) break;
    if (result.kind == IoResult::kClosed) return Close(result.error);
    last_read_ = loop_->now();
    const ssize_t n = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(buffer.data()), result.bytes);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
      const iovec hint{const_cast<char*>(kNotHttp2.data()), kNotHttp2.size()};
      transport_->Write(absl::MakeConstSpan(&hint, 1));
    }
    if (n < 0) return Close(absl::StrCat("HTTP/2: ", nghttp2_strerror(static_cast<int>(n))));
    if (result.bytes < buffer.size()) break;
  }
  ScheduleFlush();
}

void Http2Session::OnFlush() {
  if (closed() || connecting_) return;
  bool more = true;
  while (more) {
    if (!PullFrames()) return;
    if (output_.empty() || write_blocked_) break;
    // Frames that stayed behind because the output was full come after this write.
    more = output_.size() >= kOutputLimit;
    if (!WriteSome()) return;
  }
  if (close_when_written_ && OutputEmpty()) Close("the session has ended");
}

// False when the session closed.
bool Http2Session::PullFrames() {
  while (output_.size() < kOutputLimit) {
    const uint8_t* data;
    const ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n < 0) {
      Close(absl::StrCat("HTTP/2: ", nghttp2_strerror(static_cast<int>(n))));
      return false;
    }
    if (n == 0) return true;
    output_.Append(absl::string_view(reinterpret_cast<const char*>(data), static_cast<size_t>(n)));
    output_total_ += static_cast<uint64_t>(n);
  }
  return true;
}

// False when the session closed.
bool Http2Session::WriteSome() {
  std::array<iovec, kMaxPieces> pieces;
  while (!output_.empty()) {
    const int count = output_.Peek(pieces.data(), kMaxPieces);
    const IoResult result = transport_->Write(absl::MakeConstSpan(pieces.data(), count));
    if (result.kind == IoResult::kClosed) {
      // What the peer said before it closed, GOAWAY perhaps, decides what becomes of the streams.
      ReadSome();
      Close(result.error);
      return false;
    }
    if (result.kind == IoResult::kWouldBlock) {
      WantWrite(true);
      return true;
    }
    output_.Consume(result.bytes);
    written_total_ += result.bytes;
  }
  return true;
}

void Http2Session::WantWrite(bool want) {
  if (write_blocked_ == want) return;
  write_blocked_ = want;
  loop_->Modify(transport_->fd(), want ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
}

void Http2Session::Register(Stream* stream, int32_t id) {
  stream->id_ = id;
  stream->index_ = streams_.size();
  stream->incoming_.Clear();
  stream->incoming_too_large_ = false;
  stream->headers_delivered_ = false;
  stream->reset_by_peer_ = false;
  stream->deferred_ = false;
  stream->first_byte_ = Stream::kNotSerialized;
  streams_.push_back(stream);
}

void Http2Session::Unregister(Stream* stream) {
  Stream* last = streams_.back();
  streams_[stream->index_] = last;
  last->index_ = stream->index_;
  streams_.pop_back();
  stream->id_ = 0;
}

Stream* Http2Session::Find(int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

int Http2Session::ReceiveFrame(const nghttp2_frame& frame) {
  owner_->OnFrame(frame, /*sent=*/false);
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    headers_stream_ = 0;
    if (Stream* stream = Find(frame.hd.stream_id)) ReceiveHeaders(stream, end_stream);
  } else if (frame.hd.type == NGHTTP2_DATA && end_stream) {
    if (Stream* stream = Find(frame.hd.stream_id)) stream->OnEnd(HeaderList());
  } else if (frame.hd.type == NGHTTP2_RST_STREAM) {
    if (Stream* stream = Find(frame.hd.stream_id)) stream->reset_by_peer_ = true;
  }
  return 0;
}

void Http2Session::ReceiveHeaders(Stream* stream, bool end_stream) {
  HeaderList headers = std::move(stream->incoming_);
  stream->incoming_.Clear();
  if (stream->incoming_too_large_) {
    stream->incoming_too_large_ = false;
    stream->OnHeadersTooLarge();
  } else if (stream->headers_delivered_) {
    stream->OnEnd(std::move(headers));
  } else if (options_.server || !absl::StartsWith(headers.Get(":status"), "1")) {
    stream->headers_delivered_ = true;
    stream->OnHeaders(std::move(headers), end_stream);
  }
}

ssize_t Http2Session::ReadBody(int32_t id, size_t length, uint32_t* flags) {
  Stream* stream = Find(id);
  if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;  // a reset is on its way
  const size_t unsent = stream->body.unsent();
  const size_t n = std::min(length, unsent);
  if (n == 0 && !stream->body.ended()) {
    stream->deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == unsent && stream->body.ended()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream->body.trailers().empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const HeaderList::NvArray nv = stream->body.trailers().ToNv();
      nghttp2_submit_trailer(session_, id, nv.data(), nv.size());
    }
  }
  return static_cast<ssize_t>(n);
}

}  // namespace synod::balancer
