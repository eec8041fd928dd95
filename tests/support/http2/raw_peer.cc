#include "tests/support/http2/raw_peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"

namespace synod::test {
namespace {

std::string Find(const Headers& headers, absl::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

std::vector<nghttp2_nv> ToNv(const Headers& headers) {
  std::vector<nghttp2_nv> nv;
  for (const auto& [name, value] : headers) {
    nv.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                  reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                  value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return nv;
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::string RawStream::Header(absl::string_view name) const {
  return Find(headers, name);
}
std::string RawStream::Trailer(absl::string_view name) const {
  return Find(trailers, name);
}

struct RawPeer::Callbacks {
  static RawPeer* Self(void* user_data) { return static_cast<RawPeer*>(user_data); }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user_data) {
    RawStream& stream = Self(user_data)->streams_[frame->hd.stream_id];
    (stream.have_headers ? stream.trailers : stream.headers)
        .emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                      std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    RawPeer* self = Self(user_data);
    const bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        self->streams_[frame->hd.stream_id].have_headers = true;
        if (end) self->streams_[frame->hd.stream_id].ended = true;
        break;
      case NGHTTP2_DATA:
        if (end) self->streams_[frame->hd.stream_id].ended = true;
        break;
      case NGHTTP2_RST_STREAM:
        self->streams_[frame->hd.stream_id].reset_code = frame->rst_stream.error_code;
        break;
      case NGHTTP2_GOAWAY:
        ++self->goaways_;
        self->goaway_code_ = frame->goaway.error_code;
        self->goaway_last_id_ = frame->goaway.last_stream_id;
        if (self->goaway_text_.empty()) {
          self->goaway_text_.assign(reinterpret_cast<const char*>(frame->goaway.opaque_data),
                                    frame->goaway.opaque_data_len);
        }
        break;
      case NGHTTP2_PING:
        ++(ack ? self->ping_acks_ : self->pings_);
        if (!ack && self->answer_pings) {
          nghttp2_submit_ping(self->session_, NGHTTP2_FLAG_ACK, frame->ping.opaque_data);
        }
        break;
      case NGHTTP2_SETTINGS:
        if (!ack) self->settings_seen_ = true;
        break;
      default:
        break;
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user_data) {
    RawPeer* self = Self(user_data);
    self->streams_[id].data.append(reinterpret_cast<const char*>(data), size);
    if (self->options_.auto_window) nghttp2_session_consume(session, id, size);
    return 0;
  }

  static int OnClose(nghttp2_session*, int32_t id, uint32_t, void* user_data) {
    Self(user_data)->streams_[id].closed = true;
    return 0;
  }

  static ssize_t Read(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t length,
                      uint32_t* flags, nghttp2_data_source*, void* user_data) {
    Outgoing& out = Self(user_data)->outgoing_[id];
    const size_t n = std::min(length, out.bytes.size());
    if (n == 0 && !out.end) {
      out.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    std::memcpy(buffer, out.bytes.data(), n);
    out.bytes.erase(0, n);
    if (out.bytes.empty() && out.end) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!out.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto nv = ToNv(out.trailers);
        nghttp2_submit_trailer(session, id, nv.data(), nv.size());
      }
    }
    return static_cast<ssize_t>(n);
  }
};

std::unique_ptr<RawPeer> RawPeer::Connect(uint16_t port, RawOptions options) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  SYNOD_CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      << std::strerror(errno);
  return std::make_unique<RawPeer>(fd, std::move(options));
}

RawPeer::RawPeer(int fd, RawOptions options) : fd_(fd), options_(std::move(options)) {
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  nghttp2_option* option;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_auto_ping_ack(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);  // a test may break the rules
  nghttp2_session_callbacks* callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::OnClose);
  if (options_.server) {
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  } else {
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  }
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  Settings(options_.settings);
}

RawPeer::~RawPeer() {
  Close();
  nghttp2_session_del(session_);
}

void RawPeer::Step(int timeout_ms) {
  if (closed_) return;
  const uint8_t* data;
  while (parse) {
    const ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n <= 0) break;
    output_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
  }
  if (!output_.empty()) {
    const ssize_t n = send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (n > 0) output_.erase(0, static_cast<size_t>(n));
  }
  pollfd poll_fd{fd_, static_cast<short>(POLLIN | (output_.empty() ? 0 : POLLOUT)), 0};
  if (poll(&poll_fd, 1, timeout_ms) <= 0 || (poll_fd.revents & ~POLLOUT) == 0) return;
  std::array<char, 64 << 10> buffer;
  const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) {
    closed_ = true;
  } else if (n > 0 && !parse) {
    raw_text_.append(buffer.data(), static_cast<size_t>(n));
  } else if (n > 0) {
    const ssize_t used = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(buffer.data()), static_cast<size_t>(n));
    if (used < 0) closed_ = true;
  }
}

int32_t RawPeer::Request(const Headers& headers, std::optional<std::string> body, bool end) {
  const auto nv = ToNv(headers);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::Read;
  const int32_t id = nghttp2_submit_request(session_, nullptr, nv.data(), nv.size(),
                                            body ? &provider : nullptr, nullptr);
  SYNOD_CHECK(id > 0) << nghttp2_strerror(id);
  if (body) outgoing_[id] = {*std::move(body), end, {}, false};
  return id;
}

void RawPeer::Respond(int32_t id, const Headers& headers, bool end) {
  const auto nv = ToNv(headers);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::Read;
  outgoing_[id] = {};
  nghttp2_submit_response(session_, id, nv.data(), nv.size(), end ? nullptr : &provider);
}

void RawPeer::Send(int32_t id, absl::string_view bytes, bool end) {
  Outgoing& out = outgoing_[id];
  out.bytes.append(bytes.data(), bytes.size());
  out.end = end;
  if (std::exchange(out.deferred, false)) nghttp2_session_resume_data(session_, id);
}

void RawPeer::SendTrailers(int32_t id, Headers trailers) {
  outgoing_[id].trailers = std::move(trailers);
  Send(id, "", /*end=*/true);
}

void RawPeer::Interim(int32_t id, const Headers& headers) {
  const auto nv = ToNv(headers);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, nv.data(), nv.size(), nullptr);
}

void RawPeer::Reset(int32_t id, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

void RawPeer::Goaway(int32_t last_stream_id, uint32_t code) {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_stream_id, code, nullptr, 0);
}

void RawPeer::Settings(std::vector<nghttp2_settings_entry> settings) {
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
}

void RawPeer::Ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
}

void RawPeer::Consume(int32_t id, size_t n) {
  nghttp2_session_consume(session_, id, n);
}

void RawPeer::GrantConnection(size_t n) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(n));
}

void RawPeer::WriteRaw(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return;
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void RawPeer::Close(bool abort) {
  if (fd_ < 0) return;
  if (abort) {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  close(std::exchange(fd_, -1));
  closed_ = true;
}

bool RunUntil(const std::vector<RawPeer*>& peers, const std::function<bool()>& done,
              absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  for (RawPeer* peer : peers) peer->Step(0);
  while (!done()) {
    if (absl::Now() >= deadline) return false;
    for (RawPeer* peer : peers) peer->Step(1);
  }
  for (RawPeer* peer : peers) peer->Step(0);  // what was submitted last is written, too
  return true;
}

RawListener::RawListener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  SYNOD_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd_, 64) == 0)
      << std::strerror(errno);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

RawListener::~RawListener() {
  close(fd_);
}

std::string RawListener::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

std::unique_ptr<RawPeer> RawListener::Accept(RawOptions options, absl::Duration limit) {
  pollfd poll_fd{fd_, POLLIN, 0};
  if (poll(&poll_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) <= 0) return nullptr;
  options.server = true;
  return std::make_unique<RawPeer>(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC),
                                   std::move(options));
}

}  // namespace synod::test
