// One HTTP/2 connection, either side: nghttp2's state machine, the transport under it, its place in
// the event loop, and the streams above it.
//
// Everything that is submitted within one turn of the loop leaves in one write at its end. At most
// kOutputLimit bytes wait for the socket; beyond that, frames stay with their streams, and the
// streams' senders feel it through flow control.
//
// Invariants:
//  1. nghttp2 is entered only from OnEvents, OnFlush and Start; callbacks only submit.
//  2. Streams are told of the session's end before the owner is, and the owner is told once.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_HTTP2_SESSION_H_
#define SYNOD_BALANCER_PROXY_HTTP2_SESSION_H_

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "balancer/proxy/byte_queue.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/transport.h"

namespace synod::balancer {

struct SessionOptions {
  bool server = false;
  bool connecting = false;  // the transport is still being connected
  size_t max_header_bytes = 16 << 10;
  uint32_t stream_window = 64 << 10;
  uint32_t connection_window = 1 << 20;
  uint32_t max_concurrent_streams = 0;  // server: what we grant
  // While no more than this is held, the connection's window is released as soon as bytes arrive,
  // so that one stream that is not read stalls no other. What is held beyond it keeps the window
  // shut: early_release_bytes + connection_window bound what one connection holds.
  size_t early_release_bytes = 0;
};

class Http2Session final : public EventLoop::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Server: the peer opens a stream. The stream stays the owner's. Null refuses it.
    virtual Stream* OnNewStream(int32_t id) = 0;
    // A stream of either fate is closed, whether its object was detached or not.
    virtual void OnStreamClosed() = 0;
    // Every frame received and sent; for accounting.
    virtual void OnFrame(const nghttp2_frame& frame, bool sent) = 0;
    // A frame broke a rule of its stream, which is reset for it.
    virtual void OnInvalidFrame() = 0;
    // The connection is gone. The session calls nothing afterwards; delete it by DeleteLater.
    virtual void OnSessionClosed(absl::string_view reason) = 0;
  };

  Http2Session(EventLoop* loop, std::unique_ptr<Transport> transport, const SessionOptions& options,
               Owner* owner);
  ~Http2Session() override;

  // Registers with the loop and queues our SETTINGS.
  void Start();

  // Opens a stream (client side). False when the session takes no more.
  bool SubmitRequest(const HeaderList& headers, Stream* stream);
  // Both take the body and trailers from stream->body; a body that has ended empty is no body.
  void SubmitResponse(const HeaderList& headers, Stream* stream);
  // stream->body has more to send, or has ended.
  void Resume(Stream* stream);
  // RST_STREAM. The stream's OnClose follows unless it is detached.
  void Reset(Stream* stream, uint32_t code);
  int32_t StreamId(const Stream* stream) const { return stream->id_; }
  // The object wants no more events; what still arrives for the stream is dropped.
  void Detach(Stream* stream);
  // `n` bytes that OnData delivered are no longer held.
  void Release(Stream* stream, size_t n);
  // The same for bytes whose stream may be gone.
  void ReleaseConnection(size_t n);

  void Ping();
  // GOAWAY that only announces; streams under way when the peer reads it are still served.
  void SubmitShutdownNotice();
  // GOAWAY with the last stream that was accepted; later ones are refused.
  void SubmitGoaway();
  // GOAWAY with an error and a reason for people; reads nothing more and closes once it is written.
  // A second call does nothing.
  void Terminate(uint32_t code, absl::string_view reason);
  // Closes once everything that is queued is written.
  void CloseWhenWritten();
  // Closes now. Not from within a callback of this session.
  void Close(absl::string_view reason);

  bool closed() const { return transport_ == nullptr; }
  bool connecting() const { return connecting_; }
  absl::Duration last_read() const { return last_read_; }
  uint32_t peer_max_concurrent_streams() const;
  // How long the peer has been sending one header section; zero between them.
  absl::Duration HeadersOpenFor(absl::Duration now) const;

  void OnEvents(uint32_t epoll_events) override;
  void OnFlush() override;

 private:
  // What may wait for the socket.
  static constexpr size_t kOutputLimit = 128 << 10;

  struct Callbacks;  // nghttp2's C callbacks

  void InitNghttp2();
  void ReadSome();
  bool OutputEmpty() const;
  bool PullFrames();
  bool WriteSome();
  void WantWrite(bool want);
  // What is held beyond early_release_bytes.
  size_t HeldBeyond() const;
  void Register(Stream* stream, int32_t id);
  void Unregister(Stream* stream);
  Stream* Find(int32_t id) const;
  void ScheduleFlush() { loop_->ScheduleFlush(this); }

  int ReceiveFrame(const nghttp2_frame& frame);
  void ReceiveHeaders(Stream* stream, bool end_stream);
  ssize_t ReadBody(int32_t id, size_t length, uint32_t* flags);

  EventLoop* loop_;
  std::unique_ptr<Transport> transport_;  // null once closed
  const SessionOptions options_;
  Owner* owner_;
  nghttp2_session* session_ = nullptr;
  bool connecting_;
  bool write_blocked_ = false;
  bool close_when_written_ = false;
  int32_t headers_stream_ = 0;  // whose header section is arriving; 0: none
  absl::Duration headers_since_;
  absl::Duration last_read_;
  std::vector<Stream*> streams_;
  size_t held_ = 0;  // bytes that streams took and have not released
  ByteQueue output_;
  uint64_t output_total_ = 0;   // bytes ever put in output_
  uint64_t written_total_ = 0;  // bytes the kernel took
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_HTTP2_SESSION_H_
