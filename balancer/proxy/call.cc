#include "balancer/proxy/call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "balancer/proxy/backend_connection.h"
#include "balancer/proxy/grpc_text.h"
#include "balancer/proxy/judge.h"

namespace synod::balancer {
namespace {

std::string ErrorCodeName(uint32_t code) {
  return nghttp2_http2_strerror(code);
}

}  // namespace

Call::Call(WorkerContext* context, Http2Session* client, Owner* owner)
    : context_(context), client_(client), owner_(owner), arrived_(context->loop.now()) {
  context_->counters.calls_total.fetch_add(1, std::memory_order_relaxed);
  context_->counters.streams_open.fetch_add(1, std::memory_order_relaxed);
}

Call::~Call() {
  AbandonBackend(CallResult::kCancelled);
  context_->counters.streams_open.fetch_sub(1, std::memory_order_relaxed);
}

void Call::ClientEnd::OnHeaders(HeaderList headers, bool end_stream) {
  Call& call = *call_;
  call.request_headers_ = std::move(headers);
  call.grpc_ = IsGrpcContentType(call.request_headers_.Get("content-type"));
  call.head_ = call.request_headers_.Get(":method") == "HEAD";
  if (const auto timeout = ParseGrpcTimeout(call.request_headers_.Get("grpc-timeout"))) {
    call.timeout_ = *timeout;
  }
  call.idempotent_ = IsIdempotent(call.request_headers_.Get(":path"));
  call.backend_end_.body.Keep();
  if (end_stream) call.backend_end_.body.End(HeaderList());
  if (call.request_headers_.Get(":path").data() == nullptr) {  // CONNECT
    return call.Reply(absl::StatusCode::kInvalidArgument,
                      call.Explain("the request has no :path", "CONNECT is not supported"));
  }
  call.StartAttempt();
}

void Call::ClientEnd::OnData(absl::string_view bytes) {
  Call& call = *call_;
  call.request_held_ += bytes.size();
  if (call.request_dropped_) return call.DropRequest();
  OutgoingBody& request = call.backend_end_.body;
  request.Append(bytes);
  if (request.keeping() && request.held() > call.context_->options.replay_buffer_bytes) {
    request.StopKeeping();
  }
  if (call.attempt_open_) call.backend_->Resume(&call.backend_end_);
}

void Call::ClientEnd::OnEnd(HeaderList trailers) {
  Call& call = *call_;
  call.backend_end_.body.End(std::move(trailers));
  if (call.attempt_open_) call.backend_->Resume(&call.backend_end_);
}

void Call::ClientEnd::OnHeadersTooLarge() {
  Call& call = *call_;
  call.grpc_ = true;  // not known; a gRPC client must understand the answer
  call.Fail(absl::StatusCode::kResourceExhausted,
            absl::StrCat("the request's headers exceed ", call.context_->options.max_header_bytes,
                         " bytes"),
            "send less metadata");
}

void Call::ClientEnd::OnSent(size_t n) {
  if (call_->attempt_open_) call_->backend_->Release(&call_->backend_end_, n);
}

void Call::ClientEnd::OnSendComplete() {
  // The answer is complete and nobody reads the request: tell the client to stop sending, without
  // calling it an error. RFC 9113, section 8.1.
  call_->response_sent_ = true;
  if (call_->request_dropped_ && !call_->backend_end_.body.ended()) {
    call_->client_->Reset(this, NGHTTP2_NO_ERROR);
  }
}

void Call::ClientEnd::OnClose(const StreamEnd& end) {
  Call& call = *call_;
  call.client_closed_ = true;
  const bool young = call.context_->loop.now() - call.arrived_ < kRapid;
  if (end.reset_by_peer && young && !call.response_sent_) call.owner_->OnRapidReset();
  // Both sides have said all; what the backend has not yet read of the request it still gets. Some
  // clients cancel by the code 0: without the whole answer that is no order.
  const bool in_order = !end.connection_lost && end.code == NGHTTP2_NO_ERROR && call.response_sent_;
  if (in_order && call.attempt_open_ && call.backend_end_.body.ended()) return;
  call.DropRequest();
  call.owner_->OnCallEnded(call_);  // deletes the call
}

void Call::BackendEnd::OnHeaders(HeaderList headers, bool end_stream) {
  Call& call = *call_;
  call.Commit();
  call.http_failed_ = absl::StartsWith(headers.Get(":status"), "5");
  if (end_stream) {
    call.client_end_.body.End(HeaderList());
    call.EndResponse(headers);
  } else {
    call.active_.ResponseStarted(call.context_->loop.now());
  }
  call.client_->SubmitResponse(headers, &call.client_end_);
}

void Call::BackendEnd::OnData(absl::string_view bytes) {
  call_->client_end_.body.Append(bytes);
  call_->client_->Resume(&call_->client_end_);
}

void Call::BackendEnd::OnEnd(HeaderList trailers) {
  Call& call = *call_;
  call.EndResponse(trailers);
  call.client_end_.body.End(std::move(trailers));
  call.client_->Resume(&call.client_end_);
}

void Call::BackendEnd::OnHeadersTooLarge() {
  call_->Fail(absl::StatusCode::kInternal,
              absl::StrCat("headers or trailers from backend ", call_->BackendText(), " exceed ",
                           call_->context_->options.max_header_bytes, " bytes"));
}

void Call::BackendEnd::OnSent(size_t n) {
  Call& call = *call_;
  call.attempt_sent_ += n;
  if (call.attempt_sent_ <= call.credited_) return;  // a replay of what was credited before
  const size_t fresh = std::min(call.attempt_sent_ - call.credited_, call.request_held_);
  call.credited_ = call.attempt_sent_;
  call.request_held_ -= fresh;
  call.client_->Release(&call.client_end_, fresh);
}

void Call::BackendEnd::OnClose(const StreamEnd& end) {
  Call& call = *call_;
  call.attempt_open_ = false;
  if (call.client_closed_) {
    call.DropRequest();
    return call.owner_->OnCallEnded(call_);  // deletes the call
  }
  if (call.response_done_) {  // the rest of the request, if any, has no reader
    call.request_dropped_ = true;
    body.Discard();
    call.DropRequest();
    if (call.response_sent_) call.client_end_.OnSendComplete();
    return;
  }
  const std::string why =
      end.connection_lost
          ? absl::StrCat("connection to backend ", call.BackendText(), " lost: ", end.reason)
          : absl::StrCat("backend ", call.BackendText(),
                         " ended the stream: ", ErrorCodeName(end.code));
  const bool blame = end.connection_lost || !end.unprocessed;
  call.active_.Finish(blame ? CallResult::kFailed : CallResult::kCancelled,
                      call.context_->loop.now());
  if (call.responding_) {
    if (end.connection_lost) return call.Fail(absl::StatusCode::kUnavailable, why);
    call.client_->Reset(&call.client_end_, end.code);
    call.request_dropped_ = true;
    return;
  }
  if (end.connection_lost || end.unprocessed) return call.AttemptFailed(end.unprocessed, why);
  call.request_dropped_ = true;
  call.client_->Reset(&call.client_end_, end.code);
}

void Call::StartAttempt() {
  ++attempts_;
  const absl::Duration now = context_->loop.now();
  Attempt attempt{.path = request_headers_.Get(":path"), .tried_addresses = tried_};
  route_ = context_->router.Pick(attempt, now);
  if (route_.backend == nullptr && !tried_.empty()) {
    // Everyone was asked once. A backend that only closed one connection may serve on the next.
    tried_.clear();
    attempt.tried_addresses.clear();
    route_ = context_->router.Pick(attempt, now);
  }
  if (route_.backend == nullptr) {
    return Reply(
        absl::StatusCode::kUnavailable,
        Explain(last_failure_.empty() ? route_.error
                                      : absl::StrCat(route_.error, "; before: ", last_failure_)));
  }
  active_ = ActiveCall(route_.backend->stats, route_.method_class, now);
  waiting_ = true;
  context_->pool.Request(route_.backend->address, lane(), this);
}

void Call::OnConnection(BackendConnection* connection) {
  waiting_ = false;
  const absl::Duration elapsed = context_->loop.now() - arrived_;
  if (timeout_ != absl::InfiniteDuration() && elapsed > absl::ZeroDuration()) {
    if (elapsed >= timeout_) {
      AbandonBackend(CallResult::kCancelled);
      return Reply(absl::StatusCode::kDeadlineExceeded,
                   Explain(absl::StrCat("the call's time was over before backend ", BackendText(),
                                        " could be reached")));
    }
    request_headers_.Set("grpc-timeout", FormatGrpcTimeout(timeout_ - elapsed));
  }
  backend_ = &connection->session();
  attempt_sent_ = 0;
  attempt_open_ = connection->Submit(request_headers_, &backend_end_);
  if (!attempt_open_) {
    active_.Finish(CallResult::kCancelled, context_->loop.now());
    AttemptFailed(/*unprocessed=*/true,
                  absl::StrCat("backend ", BackendText(), " takes no more streams"));
  }
}

void Call::OnNoConnection(bool failed, absl::string_view reason) {
  waiting_ = false;
  active_.Finish(failed ? CallResult::kFailed : CallResult::kCancelled, context_->loop.now());
  AttemptFailed(/*unprocessed=*/true, absl::StrCat(failed ? "cannot reach backend " : "backend ",
                                                   BackendText(), ": ", reason));
}

void Call::AttemptFailed(bool unprocessed, const std::string& why) {
  maybe_executed_ = maybe_executed_ || !unprocessed;
  if (!MaySendAgain(unprocessed)) return Reply(absl::StatusCode::kUnavailable, Explain(why));
  auto& counter = unprocessed ? context_->counters.replays_total : context_->counters.retries_total;
  counter.fetch_add(1, std::memory_order_relaxed);
  backend_end_.body.Rewind();
  tried_.push_back(route_.backend->address);
  last_failure_ = why;
  StartAttempt();
}

bool Call::MaySendAgain(bool unprocessed) {
  const FailedAttempt failed{.unprocessed = unprocessed,
                             .idempotent = idempotent_ && !route_.view->generic,
                             .repeatable = backend_end_.body.whole() && !client_->closed(),
                             .attempts = attempts_,
                             .backends = route_.view->backends.size()};
  return MayReplay(failed, context_->retry_budget);
}

BackendPool::Lane Call::lane() const {
  const bool long_lived =
      route_.method_class == MethodClass::kStream || route_.method_class == MethodClass::kMember;
  return long_lived ? BackendPool::Lane::kStreams : BackendPool::Lane::kCalls;
}

std::string Call::BackendText() const {
  const Backend& backend = *route_.backend;
  if (backend.name == backend.address) return backend.address;
  return absl::StrCat(backend.name, " (", backend.address, ")");
}

std::string Call::Explain(absl::string_view reason, absl::string_view advice) const {
  const bool maybe = maybe_executed_ || attempt_open_;
  if (advice.empty()) {
    const bool again = (!maybe && !responding_) || idempotent_;
    advice = again ? "call again" : "read back before writing again";
  }
  return absl::StrCat("synod-balancer: ", reason,
                      responding_ ? "; the call was executed, at least in part: "
                      : maybe     ? "; the call may or may not have been executed: "
                                  : "; the call was not executed: ",
                      advice);
}

void Call::AbandonBackend(CallResult result) {
  active_.Finish(result, context_->loop.now());
  if (waiting_) {
    waiting_ = false;
    context_->pool.Cancel(route_.backend->address, lane(), this);
  }
  if (attempt_open_) {
    attempt_open_ = false;
    backend_->Reset(&backend_end_, NGHTTP2_CANCEL);
    backend_->Detach(&backend_end_);
  }
}

void Call::Commit() {
  responding_ = true;
  request_headers_.Clear();
  backend_end_.body.StopKeeping();
  tried_.clear();
}

void Call::EndResponse(const HeaderList& last) {
  response_done_ = true;
  const CallResult result = Judge(last, http_failed_);
  if (result == CallResult::kAnswered) context_->retry_budget.OnSuccess();
  active_.Finish(result, context_->loop.now());
}

void Call::Fail(absl::StatusCode code, absl::string_view reason, absl::string_view advice) {
  if (response_done_) return;
  const std::string message = Explain(reason, advice);
  AbandonBackend(CallResult::kCancelled);
  if (!responding_) return Reply(code, message);
  request_dropped_ = true;
  DropRequest();
  response_done_ = true;
  if (!grpc_) return client_->Reset(&client_end_, NGHTTP2_INTERNAL_ERROR);
  HeaderList trailers;
  trailers.Add("grpc-status", absl::StrCat(static_cast<int>(code)));
  trailers.Add("grpc-message", PercentEncode(message));
  client_end_.body.End(std::move(trailers));
  client_->Resume(&client_end_);
}

void Call::Reply(absl::StatusCode code, absl::string_view message) {
  context_->counters.refusals_total.fetch_add(1, std::memory_order_relaxed);
  responding_ = true;
  response_done_ = true;
  request_dropped_ = true;
  backend_end_.body.Discard();
  DropRequest();
  HeaderList headers;
  if (grpc_) {
    headers.Add(":status", "200");
    headers.Add("content-type", "application/grpc");
    headers.Add("grpc-status", absl::StrCat(static_cast<int>(code)));
    headers.Add("grpc-message", PercentEncode(message));
  } else {
    headers.Add(":status", absl::StrCat(HttpStatusFor(code)));
    headers.Add("content-type", "text/plain; charset=utf-8");
    if (!head_) client_end_.body.Append(absl::StrCat(message, "\n"));
  }
  client_end_.body.End(HeaderList());
  client_->SubmitResponse(headers, &client_end_);
}

void Call::DropRequest() {
  const size_t held = std::exchange(request_held_, 0);
  client_->Release(&client_end_, held);
}

}  // namespace synod::balancer
