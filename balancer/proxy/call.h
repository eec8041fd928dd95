// One call from its request headers to its end: a stream from a client, and one after another the
// streams to backends that try to answer it.
//
// Rules of replay (policies/replay.h), in order of what is known about an attempt that failed:
//  1. Response headers were forwarded: the call is committed; the client gets the failure.
//  2. The backend provably never acted on it (refused, above GOAWAY's id, never written): it goes
//  to
//     another backend, uncounted. gRFC A6, "transparent retries".
//  3. It may have acted on it: only methods that change nothing are replayed, by the retry budget.
//     Writes get UNAVAILABLE.
//  Either way at most one attempt per backend and one more, and only while all request bytes are
//  still kept (replay_buffer_bytes).
//
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_CALL_H_
#define SYNOD_BALANCER_PROXY_CALL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/policies/router.h"
#include "balancer/proxy/backend_pool.h"
#include "balancer/proxy/http2_session.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/worker_context.h"
#include "balancer/view/backend_stats.h"

namespace synod::balancer {

class Call final : private BackendPool::Waiter {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The client's stream is closed and nothing is left to send; deletes the call.
    virtual void OnCallEnded(Call* call) = 0;
    // The client reset the call younger than kRapid, before its answer was sent. Ordinary cancels,
    // of deadlines that passed and of watches, come later.
    virtual void OnRapidReset() = 0;
  };

  static constexpr absl::Duration kRapid = absl::Milliseconds(100);

  // `client` is the session of the client's stream.
  Call(WorkerContext* context, Http2Session* client, Owner* owner);
  ~Call() override;

  Stream* client_stream() { return &client_end_; }

  // Ends the call with the balancer's own error, as well as it still can: a status when no response
  // headers were forwarded, trailers for a gRPC call that is under way, else a reset. The message
  // adds to `reason` who speaks, whether the call was executed, and `advice`, or else what to do
  // after a failure of its method.
  void Fail(absl::StatusCode code, absl::string_view reason, absl::string_view advice = {});

  size_t index = 0;  // the owner's

 private:
  // The two ends hand what arrives on one to the other.
  class ClientEnd final : public Stream {
   public:
    explicit ClientEnd(Call* call) : call_(call) {}
    void OnHeaders(HeaderList headers, bool end_stream) override;
    void OnData(absl::string_view bytes) override;
    void OnEnd(HeaderList trailers) override;
    void OnHeadersTooLarge() override;
    void OnSent(size_t n) override;
    void OnSendComplete() override;
    void OnClose(const StreamEnd& end) override;

   private:
    Call* call_;
  };

  class BackendEnd final : public Stream {
   public:
    explicit BackendEnd(Call* call) : call_(call) {}
    void OnHeaders(HeaderList headers, bool end_stream) override;
    void OnData(absl::string_view bytes) override;
    void OnEnd(HeaderList trailers) override;
    void OnHeadersTooLarge() override;
    void OnSent(size_t n) override;
    void OnSendComplete() override {}
    void OnClose(const StreamEnd& end) override;

   private:
    Call* call_;
  };

  void OnConnection(BackendConnection* connection) override;
  void OnNoConnection(bool failed, absl::string_view reason) override;

  void StartAttempt();
  // The attempt ended before response headers; `why` names the backend and the reason.
  void AttemptFailed(bool unprocessed, const std::string& why);
  bool MaySendAgain(bool unprocessed);
  BackendPool::Lane lane() const;
  std::string BackendText() const;
  // The message of every failure that the balancer makes; see Fail.
  std::string Explain(absl::string_view reason, absl::string_view advice = {}) const;

  // Ends the backend's side, wherever it stands; what it still sends is dropped.
  void AbandonBackend(CallResult result);
  void Commit();
  void EndResponse(const HeaderList& last);
  // The same as Fail, before response headers and with the whole message.
  void Reply(absl::StatusCode code, absl::string_view message);
  // Gives the client its window back for request bytes that will go nowhere.
  void DropRequest();

  WorkerContext* context_;
  Http2Session* client_;
  Owner* owner_;
  ClientEnd client_end_{this};
  BackendEnd backend_end_{this};

  HeaderList request_headers_;  // kept until the call is committed
  bool grpc_ = false;
  bool idempotent_ = false;  // IsIdempotent of its :path
  bool head_ = false;        // the method HEAD: answers have no body
  absl::Duration arrived_;
  absl::Duration timeout_ = absl::InfiniteDuration();  // grpc-timeout

  Route route_;
  ActiveCall active_;
  Http2Session* backend_ = nullptr;  // session of the attempt under way
  bool waiting_ = false;             // for a connection
  bool attempt_open_ = false;        // backend_end_ is on backend_
  int attempts_ = 0;
  bool maybe_executed_ = false;  // by an attempt that ended
  std::vector<std::string> tried_;
  std::string last_failure_;

  bool client_closed_ = false;    // the client's stream is gone
  bool responding_ = false;       // response headers went to the client
  bool http_failed_ = false;      // they said 5xx
  bool response_done_ = false;    // all of the response is in client_end_.body
  bool response_sent_ = false;    // and went to the client's connection
  bool request_dropped_ = false;  // nobody wants the rest of the request
  size_t request_held_ = 0;       // bytes of the client's window not yet given back
  size_t attempt_sent_ = 0;       // request bytes this attempt has sent
  size_t credited_ = 0;           // most that any attempt has sent
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_CALL_H_
