// One end of a call: a stream of one HTTP/2 session, what came in on it, and what waits to go out.
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_STREAM_H_
#define SYNOD_BALANCER_PROXY_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "balancer/proxy/byte_queue.h"
#include "balancer/proxy/header_list.h"

namespace synod::balancer {

class Http2Session;

// What is still to be sent on a stream. While `keep` is on, bytes that were sent stay at the front,
// so that Rewind can send them again to somebody else.
class OutgoingBody {
 public:
  void Append(absl::string_view bytes) { bytes_.Append(bytes); }
  // No more bytes will come; `trailers` may be empty.
  void End(HeaderList trailers);

  bool ended() const { return ended_; }
  size_t unsent() const { return bytes_.size() - sent_; }
  size_t held() const { return bytes_.size(); }
  const HeaderList& trailers() const { return trailers_; }

  // Hands the next `n` bytes to `out`. Precondition: n <= unsent().
  void Send(size_t n, ByteQueue& out);

  void Keep() { keep_ = true; }
  void StopKeeping();
  bool keeping() const { return keep_; }
  // True while the first byte and all that follow are still here.
  bool whole() const { return whole_; }
  // Precondition: whole().
  void Rewind() { sent_ = 0; }

  // Forgets the bytes that wait.
  void Discard();

 private:
  ByteQueue bytes_;
  size_t sent_ = 0;  // 0 unless keep_
  bool keep_ = false;
  bool whole_ = true;
  bool ended_ = false;
  HeaderList trailers_;
};

// How a stream came to its end.
struct StreamEnd {
  uint32_t code = 0;             // of RST_STREAM; NO_ERROR when both sides ended in order
  bool reset_by_peer = false;    // its RST_STREAM came
  bool connection_lost = false;  // the session ended under it
  // The peer has provably not acted on it: refused, above GOAWAY's id, or never written.
  bool unprocessed = false;
  std::string reason = {};  // of the loss, for people
};

class Stream {
 public:
  virtual ~Stream() = default;

  // The first header section; never an interim (1xx) one.
  virtual void OnHeaders(HeaderList headers, bool end_stream) = 0;
  virtual void OnData(absl::string_view bytes) = 0;
  // The peer will send no more; `trailers` may be empty.
  virtual void OnEnd(HeaderList trailers) = 0;
  // The peer's header section exceeded the bound; it was not kept.
  virtual void OnHeadersTooLarge() = 0;

  // `n` bytes of `body` went to the connection's output.
  virtual void OnSent(size_t n) = 0;
  // Our END_STREAM went to the connection's output.
  virtual void OnSendComplete() = 0;

  // The session has forgotten the stream. Called once, unless the stream was detached. May delete
  // the stream.
  virtual void OnClose(const StreamEnd& end) = 0;

  OutgoingBody body;

 private:
  friend class Http2Session;

  static constexpr uint64_t kNotSerialized = std::numeric_limits<uint64_t>::max();

  HeaderList incoming_;  // the section that is arriving
  bool incoming_too_large_ = false;
  bool headers_delivered_ = false;
  bool reset_by_peer_ = false;
  bool deferred_ = false;                 // nghttp2 waits for Resume
  int32_t id_ = 0;                        // 0: on no session
  size_t index_ = 0;                      // in the session's list
  uint64_t first_byte_ = kNotSerialized;  // of its HEADERS, counted over the connection's output
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_STREAM_H_
