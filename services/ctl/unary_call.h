// One unary call of a command.
#ifndef SYNOD_SERVICES_CTL_UNARY_CALL_H_
#define SYNOD_SERVICES_CTL_UNARY_CALL_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/statusor.h"
#include "services/ctl/session.h"

namespace synod::ctl {

template <class Service, class Request, class Response>
using UnaryMethod = grpc::Status (Service::Stub::*)(grpc::ClientContext*, const Request&,
                                                    Response*);

// The answer within the command timeout, or what is wrong with the call or with the channel.
template <class Service, class Request, class Response>
absl::StatusOr<Response> Call(const Session& session,
                              const absl::StatusOr<std::shared_ptr<grpc::Channel>>& channel,
                              UnaryMethod<Service, Request, Response> method,
                              const Request& request) {
  if (!channel.ok()) return channel.status();
  const auto stub = Service::NewStub(*channel);
  const auto context = session.NewContext();
  Response response;
  const grpc::Status status = (stub.get()->*method)(context.get(), request, &response);
  if (!status.ok()) return ToAbsl(status);
  return response;
}

// Asks the first endpoint that there is; prints the answer as JSON, or by `print(response)`.
template <class Service, class Request, class Response, class Print>
ExitCode CallAndPrint(const Session& session, UnaryMethod<Service, Request, Response> method,
                      const Request& request, Print print) {
  const absl::StatusOr<Response> response =
      Call<Service>(session, session.Connect(), method, request);
  if (!response.ok()) return Session::Fail(response.status());
  if (session.json()) {
    session.PrintJson(*response);
  } else {
    print(*response);
  }
  return kOk;
}

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_UNARY_CALL_H_
