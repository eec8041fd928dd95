#include "services/ctl/session.h"

#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/url/url.h"
#include "services/ctl/json.h"

namespace synod::ctl {
namespace {

absl::StatusOr<absl::Duration> ParseTimeout(absl::string_view flag, const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": \"", text, "\" is not a duration such as 5s or 500ms"));
  }
  return duration;
}

absl::StatusOr<std::string> ParseEndpoint(absl::string_view text) {
  // etcd's clients take URLs too.
  if (absl::StartsWith(text, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": TLS is not served yet; use http:// or host:port"));
  }
  absl::ConsumePrefix(&text, "http://");
  const absl::StatusOr<HostPort> address = ParseHostPort(text);
  if (!address.ok()) return address.status();
  return address->ToString();
}

std::chrono::system_clock::time_point In(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoMilliseconds(duration);
}

}  // namespace

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::StatusOr<Session> Session::Make(const GlobalFlags& flags) {
  Session session;
  for (const absl::string_view text : absl::StrSplit(flags.endpoints, ',', absl::SkipEmpty())) {
    absl::StatusOr<std::string> endpoint = ParseEndpoint(text);
    if (!endpoint.ok()) return endpoint.status();
    session.endpoints_.push_back(*std::move(endpoint));
  }
  if (session.endpoints_.empty()) {
    return absl::InvalidArgumentError("--endpoints names nobody; say host:port[,host:port...]");
  }
  absl::StatusOr<std::string> admin = ParseEndpoint(flags.admin);
  if (!admin.ok()) return admin.status();
  session.admin_ = *std::move(admin);
  const auto dial = ParseTimeout("dial-timeout", flags.dial_timeout);
  if (!dial.ok()) return dial.status();
  session.dial_timeout_ = *dial;
  const auto command = ParseTimeout("command-timeout", flags.command_timeout);
  if (!command.ok()) return command.status();
  session.command_timeout_ = *command;
  session.output_ = flags.output;
  return session;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Session::ConnectTo(
    const std::string& endpoint) const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  // gRPC would ask the environment's proxy even for this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  auto channel = grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(In(dial_timeout_))) {
    return absl::UnavailableError(absl::StrCat("cannot connect to ", endpoint, " within ",
                                               absl::FormatDuration(dial_timeout_)));
  }
  return channel;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Session::Connect() const {
  for (const std::string& endpoint : endpoints_) {
    auto channel = ConnectTo(endpoint);
    if (channel.ok()) return channel;
  }
  return absl::UnavailableError(absl::StrCat(
      "cannot connect to ", absl::StrJoin(endpoints_, " or "), " within ",
      absl::FormatDuration(dial_timeout_), "; is it running? (--endpoints says where to look)"));
}

std::unique_ptr<grpc::ClientContext> Session::NewContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(In(command_timeout_));
  return context;
}

void Session::PrintJson(const google::protobuf::Message& response) const {
  std::cout << ToJson(response) << "\n";
}

ExitCode Session::Fail(const absl::Status& status) {
  std::cerr << "Error: " << status.message() << "\n";
  return ExitCodeOf(status);
}

ExitCode Session::FailInput(const absl::Status& status) {
  Fail(status);
  return kInvalidInput;
}

}  // namespace synod::ctl
