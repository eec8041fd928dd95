// A scripted HTTP/2 peer, client or server, for what real gRPC libraries never do: odd resets,
// GOAWAY at a chosen id, windows that stay shut, floods, silence.
//
// Nothing happens between calls: it reads and writes only inside Step and RunUntil, so a test
// decides what the proxy sees and when. One thread.
#ifndef SYNOD_TESTS_SUPPORT_HTTP2_RAW_PEER_H_
#define SYNOD_TESTS_SUPPORT_HTTP2_RAW_PEER_H_

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace synod::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

// What came in on one stream.
struct RawStream {
  Headers headers;
  Headers trailers;
  std::string data;
  bool have_headers = false;
  bool ended = false;                  // END_STREAM came
  std::optional<uint32_t> reset_code;  // RST_STREAM came
  bool closed = false;

  std::string Header(absl::string_view name) const;   // empty when missing
  std::string Trailer(absl::string_view name) const;  // ditto
};

struct RawOptions {
  bool server = false;
  // Give windows back as data arrives; without, only Consume does.
  bool auto_window = true;
  std::vector<nghttp2_settings_entry> settings = {};
};

class RawPeer {
 public:
  // Connects to 127.0.0.1:port.
  static std::unique_ptr<RawPeer> Connect(uint16_t port, RawOptions options = {});
  // Takes over a connected socket.
  RawPeer(int fd, RawOptions options);
  ~RawPeer();

  // Writes what waits and reads what comes within `timeout_ms`, once.
  void Step(int timeout_ms);

  // Returns the stream's id. `body` nullopt: no body; else it is sent and stays open unless `end`.
  int32_t Request(const Headers& headers, std::optional<std::string> body = std::nullopt,
                  bool end = true);
  // Response headers; `end` makes it the whole response.
  void Respond(int32_t id, const Headers& headers, bool end);
  // More body, on a stream that was opened with one.
  void Send(int32_t id, absl::string_view bytes, bool end);
  // Ends the body by trailers.
  void SendTrailers(int32_t id, Headers trailers);
  void Interim(int32_t id, const Headers& headers);  // a 1xx header section
  void Reset(int32_t id, uint32_t code);
  void Goaway(int32_t last_stream_id, uint32_t code);
  void Settings(std::vector<nghttp2_settings_entry> settings);
  void Ping();
  void Consume(int32_t id, size_t n);
  // Opens the connection's window by `n`, whatever was consumed.
  void GrantConnection(size_t n);
  // Straight to the socket, past nghttp2.
  void WriteRaw(absl::string_view bytes);
  // Closes the socket; by RST when `abort`.
  void Close(bool abort = false);

  RawStream& stream(int32_t id) { return streams_[id]; }
  const std::map<int32_t, RawStream>& streams() const { return streams_; }
  size_t bytes_unsent(int32_t id) { return outgoing_[id].bytes.size(); }

  bool closed() const { return closed_; }  // by the other side, or by Close
  int goaways() const { return goaways_; }
  uint32_t goaway_code() const { return goaway_code_; }
  int32_t goaway_last_id() const { return goaway_last_id_; }
  const std::string& goaway_text() const { return goaway_text_; }  // of the first that had one
  int pings() const { return pings_; }
  int ping_acks() const { return ping_acks_; }
  bool settings_seen() const { return settings_seen_; }
  bool answer_pings = true;
  std::set<int32_t> answered;  // for the test's own bookkeeping
  // What arrived on a connection that is not HTTP/2.
  const std::string& raw_text() const { return raw_text_; }
  bool parse = true;  // false: keep what arrives in raw_text

 private:
  struct Outgoing {
    std::string bytes;
    bool end = false;
    Headers trailers;
    bool deferred = false;
  };
  struct Callbacks;

  int fd_;
  RawOptions options_;
  nghttp2_session* session_ = nullptr;
  std::string output_;
  std::map<int32_t, RawStream> streams_;
  std::map<int32_t, Outgoing> outgoing_;
  std::string raw_text_;
  bool closed_ = false;
  bool settings_seen_ = false;
  int goaways_ = 0;
  uint32_t goaway_code_ = 0;
  int32_t goaway_last_id_ = 0;
  std::string goaway_text_;
  int pings_ = 0;
  int ping_acks_ = 0;
};

// Steps all peers until `done()` or `limit`; true when done.
bool RunUntil(const std::vector<RawPeer*>& peers, const std::function<bool()>& done,
              absl::Duration limit = absl::Seconds(10));

// A listening socket on a free loopback port.
class RawListener {
 public:
  RawListener();
  ~RawListener();

  uint16_t port() const { return port_; }
  std::string address() const;
  // Waits for a connection; null after `limit`.
  std::unique_ptr<RawPeer> Accept(RawOptions options = {},
                                  absl::Duration limit = absl::Seconds(10));

 private:
  int fd_;
  uint16_t port_;
};

}  // namespace synod::test

#endif  // SYNOD_TESTS_SUPPORT_HTTP2_RAW_PEER_H_
