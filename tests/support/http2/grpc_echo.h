// A real gRPC server, and calls to it by real gRPC clients, for services without a .proto: messages
// are plain strings.
//
// Methods, by the last part of the path; all count their calls:
//   Unary   answers the first message, initial and trailing metadata of the client under `echo-`
//   Count   reads a number n, answers n messages "0".."n-1"
//   Sum     reads all messages, answers the sum of their sizes
//   Chat    answers each message at once
//   Fail    answers FAILED_PRECONDITION "the message" without headers (trailers-only)
//   Hang    reads, and answers nothing until the client cancels
#ifndef SYNOD_TESTS_SUPPORT_HTTP2_GRPC_ECHO_H_
#define SYNOD_TESTS_SUPPORT_HTTP2_GRPC_ECHO_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/support/event_count.h"

namespace synod::test {

grpc::ByteBuffer ToBuffer(absl::string_view text);
std::string FromBuffer(const grpc::ByteBuffer& buffer);

class EchoServer {
 public:
  // On 127.0.0.1; port 0 picks a free one.
  explicit EchoServer(uint16_t port = 0);
  ~EchoServer();

  std::string address() const;
  uint16_t port() const { return static_cast<uint16_t>(port_); }
  const testing::EventCount& calls() const { return calls_; }
  const testing::EventCount& cancelled() const { return cancelled_; }

  // Sends GOAWAY and finishes what runs; the destructor cancels it instead.
  void ShutdownGracefully();

 private:
  class Service;

  testing::EventCount calls_;
  testing::EventCount cancelled_;
  std::unique_ptr<Service> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A client with its own connection.
class EchoClient {
 public:
  explicit EchoClient(uint16_t port);

  // One message there, one back.
  grpc::Status Unary(const std::string& method, absl::string_view request, std::string* response,
                     grpc::ClientContext* context = nullptr);

  using Stream = grpc::ClientAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

  // A stream driven step by step; each step blocks.
  class Chat {
   public:
    Chat(EchoClient* client, const std::string& method);
    ~Chat();
    bool Write(absl::string_view message);
    bool WritesDone();
    bool Read(std::string* message);
    grpc::Status Finish();
    grpc::ClientContext& context() { return context_; }

   private:
    bool Next();

    grpc::ClientContext context_;
    grpc::CompletionQueue queue_;
    std::unique_ptr<Stream> stream_;
    bool finished_ = false;
  };

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

}  // namespace synod::test

#endif  // SYNOD_TESTS_SUPPORT_HTTP2_GRPC_ECHO_H_
