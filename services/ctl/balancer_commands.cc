// lb: the balancer's admin interface.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/ctl/commands.h"
#include "services/ctl/table.h"
#include "synod/balancer/v1/admin.grpc.pb.h"

namespace synod::ctl {
namespace {

using balancer::v1::Admin;
using balancer::v1::State;

// Zero: not measured lately.
std::string Latency(double microseconds) {
  return microseconds == 0 ? "-" : absl::StrFormat("%.2f ms", microseconds / 1000);
}

void PrintState(const Session& session, const State& state) {
  if (session.json()) {
    session.PrintJson(state);
    return;
  }
  std::cout << "policy " << state.policy() << ", ";
  if (state.generic()) {
    std::cout << "generic: every call goes by the policy\n";
  } else {
    std::cout << "writes to " << state.write_routing() << ", leader "
              << (state.leader().empty() ? "unknown" : state.leader()) << "\n";
  }
  std::vector<Row> rows;
  for (const auto& backend : state.backends()) {
    rows.push_back({backend.name() + (backend.leader() ? " *" : ""), backend.address(),
                    backend.state(), backend.has_weight() ? absl::StrCat(backend.weight()) : "-",
                    absl::StrCat(backend.calls_in_flight()), absl::StrCat(backend.calls_total()),
                    absl::StrCat(backend.failures_total()), Latency(backend.read_latency_us()),
                    Latency(backend.write_latency_us()), backend.reason()});
  }
  std::cout << Table({"BACKEND", "ADDRESS", "STATE", "WEIGHT", "IN FLIGHT", "CALLS", "FAILURES",
                      "READ", "WRITE", "REASON"},
                     rows);
}

template <class Request>
using Method = grpc::Status (Admin::Stub::*)(grpc::ClientContext*, const Request&, State*);

template <class Request>
ExitCode Call(const Session& session, Method<Request> method, const Request& request) {
  const auto channel = session.ConnectTo(session.admin());
  if (!channel.ok()) {
    return Session::Fail(absl::UnavailableError(
        absl::StrCat(channel.status().message(),
                     "; is the balancer running? (--admin says where its gRPC admin listens)")));
  }
  const auto stub = Admin::NewStub(*channel);
  const auto context = session.NewContext();
  State state;
  const grpc::Status status = (stub.get()->*method)(context.get(), request, &state);
  if (!status.ok()) return Session::Fail(ToAbsl(status));
  PrintState(session, state);
  return kOk;
}

absl::StatusOr<balancer::v1::SetWeightsRequest> ParseWeights(const std::string& text) {
  balancer::v1::SetWeightsRequest request;
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::vector<std::string> sides = absl::StrSplit(part, '=');
    uint32_t weight = 0;
    if (sides.size() != 2 || sides[0].empty() || !absl::SimpleAtoi(sides[1], &weight)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\" is not NAME=WEIGHT, such as n1=5"));
    }
    if (!request.mutable_weights()->insert({sides[0], weight}).second) {
      return absl::InvalidArgumentError(absl::StrCat("\"", sides[0], "\" has two weights"));
    }
  }
  return request;
}

void AddDrain(CLI::App& lb, Action& action, const std::string& name, const std::string& help,
              Method<balancer::v1::DrainRequest> method) {
  const auto backend = std::make_shared<std::string>();
  auto* command = lb.add_subcommand(name, help);
  command->add_option("backend", *backend, "Node name or address")->required();
  command->callback([backend, method, &action] {
    action = [backend, method](const Session& session) {
      balancer::v1::DrainRequest request;
      request.set_backend(*backend);
      return Call(session, method, request);
    };
  });
}

}  // namespace

void AddBalancerCommands(CLI::App& app, Action& action) {
  auto* lb = app.add_subcommand("lb", "The balancer (--admin)")->require_subcommand(1);
  lb->add_subcommand("status", "Policy and backends")->callback([&action] {
    action = [](const Session& session) {
      return Call(session, &Admin::Stub::GetState, balancer::v1::GetStateRequest());
    };
  });

  const auto policy = std::make_shared<std::string>();
  auto* set_policy = lb->add_subcommand("policy", "Switches the policy; no call is lost");
  set_policy->add_option("name", *policy, "round_robin, random, weighted, performance, ...")
      ->required();
  set_policy->callback([policy, &action] {
    action = [policy](const Session& session) {
      balancer::v1::SetPolicyRequest request;
      request.set_policy(*policy);
      return Call(session, &Admin::Stub::SetPolicy, request);
    };
  });

  const auto weights = std::make_shared<std::string>();
  auto* set_weights = lb->add_subcommand("weights", "Sets the static weights of `weighted`");
  set_weights->add_option("weights", *weights, "n1=5,n2=3,n3=1")->required();
  set_weights->callback([weights, &action] {
    action = [weights](const Session& session) {
      const auto request = ParseWeights(*weights);
      if (!request.ok()) return Session::FailInput(request.status());
      return Call(session, &Admin::Stub::SetWeights, *request);
    };
  });

  AddDrain(*lb, action, "drain", "Sends a backend no new calls", &Admin::Stub::Drain);
  AddDrain(*lb, action, "undrain", "Takes a drained backend back", &Admin::Stub::Undrain);
}

}  // namespace synod::ctl
