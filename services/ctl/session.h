// What every command needs: the global flags, connections, and a place for its result.
//
// Thread-safety: none; a command runs on the main thread.
#ifndef SYNOD_SERVICES_CTL_SESSION_H_
#define SYNOD_SERVICES_CTL_SESSION_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/ctl/exit_code.h"

namespace google::protobuf {
class Message;
}

namespace synod::ctl {

struct GlobalFlags {
  std::string endpoints = "127.0.0.1:2379";
  std::string admin = "127.0.0.1:2382";  // the balancer's gRPC admin listener
  std::string dial_timeout = "2s";
  std::string command_timeout = "5s";
  std::string output = "simple";  // simple, json, table
};

class Session {
 public:
  // InvalidArgument for an endpoint or duration that does not parse. Endpoints are host:port or
  // http://host:port.
  static absl::StatusOr<Session> Make(const GlobalFlags& flags);

  const std::vector<std::string>& endpoints() const { return endpoints_; }
  const std::string& admin() const { return admin_; }
  const std::string& output() const { return output_; }
  bool json() const { return output_ == "json"; }

  // The first endpoint that accepts a connection within the dial timeout. Unavailable, naming all
  // of them, when none does.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect() const;
  // Exactly this one.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(const std::string& endpoint) const;

  // A context with the command timeout as deadline.
  std::unique_ptr<grpc::ClientContext> NewContext() const;

  // Prints the result as JSON, the way etcdctl does.
  void PrintJson(const google::protobuf::Message& response) const;

  // Writes "Error: ..." to stderr and returns the exit code that goes with it.
  static ExitCode Fail(const absl::Status& status);
  // The same for what cannot be sent: kInvalidInput.
  static ExitCode FailInput(const absl::Status& status);

 private:
  Session() = default;

  std::vector<std::string> endpoints_;
  std::string admin_;
  std::string output_;
  absl::Duration dial_timeout_;
  absl::Duration command_timeout_;
};

absl::Status ToAbsl(const grpc::Status& status);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_SESSION_H_
