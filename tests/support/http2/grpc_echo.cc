#include "tests/support/http2/grpc_echo.h"

#include <grpcpp/generic/async_generic_service.h>

#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"

namespace synod::test {

grpc::ByteBuffer ToBuffer(absl::string_view text) {
  const grpc::Slice slice(text.data(), text.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string FromBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  SYNOD_CHECK(buffer.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

namespace {

void EchoMetadata(grpc::GenericCallbackServerContext* context) {
  for (const auto& [key, value] : context->client_metadata()) {
    const std::string name(key.data(), key.size());
    const std::string text(value.data(), value.size());
    if (absl::StartsWith(name, "x-")) {
      context->AddInitialMetadata("echo-" + name, text);
      context->AddTrailingMetadata("echo-" + name, text);
    }
  }
}

// Runs one call of any of the methods: reads while it should, writes what it owes, one at a time.
class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor(grpc::GenericCallbackServerContext* context, testing::EventCount* cancelled)
      : context_(context), cancelled_(cancelled), method_(context->method()) {
    if (Is("Fail")) {
      finished_ = true;
      Finish(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "the message"));
      return;
    }
    EchoMetadata(context);
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    if (ok) {
      Take(FromBuffer(incoming_));
      if (!Is("Hang") && !Is("Unary")) StartRead(&incoming_);
    } else {
      if (Is("Sum")) owed_.push_back(absl::StrCat(sum_));
      reads_done_ = !Is("Hang");
    }
    Proceed();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) owed_.clear();
    Proceed();
  }

  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_->Add();
    if (!std::exchange(finished_, true)) Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override { delete this; }

 private:
  bool Is(absl::string_view name) const { return absl::EndsWith(method_, absl::StrCat("/", name)); }

  void Take(std::string message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    sum_ += message.size();
    if (Is("Unary") || Is("Chat")) owed_.push_back(std::move(message));
    if (Is("Unary")) reads_done_ = true;
    if (Is("Count")) {
      int count = 0;
      SYNOD_CHECK(absl::SimpleAtoi(message, &count));
      for (int i = 0; i < count; ++i) owed_.push_back(absl::StrCat(i));
    }
  }

  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (!owed_.empty()) {
      outgoing_ = ToBuffer(owed_.front());
      owed_.pop_front();
      writing_ = true;
      StartWrite(&outgoing_);
    } else if (reads_done_) {
      finished_ = true;
      Finish(grpc::Status::OK);
    }
  }

  grpc::GenericCallbackServerContext* context_;
  testing::EventCount* cancelled_;
  const std::string method_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  absl::Mutex mutex_;
  std::deque<std::string> owed_ ABSL_GUARDED_BY(mutex_);
  uint64_t sum_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

class EchoServer::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(EchoServer* server) : server_(server) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    server_->calls_.Add();
    return new EchoReactor(context, &server_->cancelled_);
  }

 private:
  EchoServer* server_;
};

EchoServer::EchoServer(uint16_t port) : service_(std::make_unique<Service>(this)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                           &port_);
  builder.RegisterCallbackGenericService(service_.get());
  builder.SetMaxReceiveMessageSize(64 << 20);
  server_ = builder.BuildAndStart();
  SYNOD_CHECK(server_ != nullptr) << "port " << port;
}

EchoServer::~EchoServer() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

std::string EchoServer::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void EchoServer::ShutdownGracefully() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
  server_.reset();
}

EchoClient::EchoClient(uint16_t port)
    : channel_([port] {
        grpc::ChannelArguments arguments;
        // Its own connection; retries of the client's library would hide what the proxy does.
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
        arguments.SetMaxReceiveMessageSize(64 << 20);
        return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                         grpc::InsecureChannelCredentials(), arguments);
      }()),
      stub_(channel_) {}

grpc::Status EchoClient::Unary(const std::string& method, absl::string_view request,
                               std::string* response, grpc::ClientContext* context) {
  grpc::ClientContext own;
  if (context == nullptr) context = &own;
  grpc::CompletionQueue queue;
  const grpc::ByteBuffer message = ToBuffer(request);
  auto call = stub_.PrepareUnaryCall(context, method, message, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, this);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);
  if (status.ok()) *response = FromBuffer(answer);
  return status;
}

EchoClient::Chat::Chat(EchoClient* client, const std::string& method)
    : stream_(client->stub_.PrepareCall(&context_, method, &queue_)) {
  stream_->StartCall(this);
  Next();
}

EchoClient::Chat::~Chat() {
  if (!finished_) {
    context_.TryCancel();
    Finish();
  }
}

bool EchoClient::Chat::Next() {
  void* tag;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

bool EchoClient::Chat::Write(absl::string_view message) {
  stream_->Write(ToBuffer(message), this);
  return Next();
}

bool EchoClient::Chat::WritesDone() {
  stream_->WritesDone(this);
  return Next();
}

bool EchoClient::Chat::Read(std::string* message) {
  grpc::ByteBuffer buffer;
  stream_->Read(&buffer, this);
  if (!Next()) return false;
  *message = FromBuffer(buffer);
  return true;
}

grpc::Status EchoClient::Chat::Finish() {
  grpc::Status status;
  stream_->Finish(&status, this);
  Next();
  finished_ = true;
  return status;
}

}  // namespace synod::test
