// member list, endpoint status, endpoint health: what etcdctl shows of a cluster.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "etcd/cluster.grpc.pb.h"
#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/json.h"
#include "services/ctl/table.h"

namespace synod::ctl {
namespace {

std::string YesNo(bool value) {
  return value ? "true" : "false";
}

std::string Bytes(int64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  if (bytes < 1'000'000) return absl::StrFormat("%.0f kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1'000'000'000) return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
  return absl::StrFormat("%.1f GB", static_cast<double>(bytes) / 1e9);
}

void PrintRows(const Session& session, const Row& header, const std::vector<Row>& rows) {
  if (session.output() == "table") {
    std::cout << Table(header, rows);
    return;
  }
  for (const Row& row : rows) std::cout << absl::StrJoin(row, ", ") << "\n";
}

ExitCode MemberList(const Session& session) {
  const auto channel = session.Connect();
  if (!channel.ok()) return Session::Fail(channel.status());
  const auto context = session.NewContext();
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(true);
  etcdserverpb::MemberListResponse response;
  const grpc::Status status =
      etcdserverpb::Cluster::NewStub(*channel)->MemberList(context.get(), request, &response);
  if (!status.ok()) return Session::Fail(ToAbsl(status));
  if (session.json()) {
    session.PrintJson(response);
    return kOk;
  }
  std::vector<Row> rows;
  for (const auto& member : response.members()) {
    rows.push_back({absl::StrFormat("%x", member.id()),
                    member.name().empty() ? "unstarted" : "started", member.name(),
                    absl::StrJoin(member.peerurls(), ","), absl::StrJoin(member.clienturls(), ","),
                    YesNo(member.islearner())});
  }
  PrintRows(session, {"ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"}, rows);
  return kOk;
}

absl::StatusOr<etcdserverpb::StatusResponse> StatusOf(const Session& session,
                                                      const std::string& endpoint) {
  const auto channel = session.ConnectTo(endpoint);
  if (!channel.ok()) return channel.status();
  const auto context = session.NewContext();
  etcdserverpb::StatusResponse response;
  const grpc::Status status =
      etcdserverpb::Maintenance::NewStub(*channel)->Status(context.get(), {}, &response);
  if (!status.ok()) return ToAbsl(status);
  return response;
}

ExitCode EndpointStatus(const Session& session) {
  std::vector<Row> rows;
  std::vector<std::string> objects;
  absl::Status failure;
  for (const std::string& endpoint : session.endpoints()) {
    const auto status = StatusOf(session, endpoint);
    if (!status.ok()) {
      std::cerr << "Failed to get the status of endpoint " << endpoint << " ("
                << status.status().message() << ")\n";
      failure = status.status();
      continue;
    }
    // As etcdctl wraps them. Nothing in host:port needs quoting.
    objects.push_back(
        absl::StrCat("{\"Endpoint\":\"", endpoint, "\",\"Status\":", ToJson(*status), "}"));
    rows.push_back({endpoint, absl::StrFormat("%x", status->header().member_id()),
                    status->version(), Bytes(status->dbsize()),
                    YesNo(status->leader() == status->header().member_id()),
                    YesNo(status->islearner()), absl::StrCat(status->raftterm()),
                    absl::StrCat(status->raftindex()), absl::StrCat(status->raftappliedindex()),
                    absl::StrJoin(status->errors(), ", ")});
  }
  if (session.json()) {
    std::cout << "[" << absl::StrJoin(objects, ",") << "]\n";
    return failure.ok() ? kOk : ExitCodeOf(failure);
  }
  PrintRows(session,
            {"ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER", "RAFT TERM",
             "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS"},
            rows);
  return failure.ok() ? kOk : ExitCodeOf(failure);
}

// A linearizable read takes a quorum, so it shows more than a connection does.
absl::Status ReadThrough(const Session& session, const std::string& endpoint) {
  const auto channel = session.ConnectTo(endpoint);
  if (!channel.ok()) return channel.status();
  const auto context = session.NewContext();
  etcdserverpb::RangeRequest request;
  request.set_key("health");
  etcdserverpb::RangeResponse response;
  return ToAbsl(etcdserverpb::KV::NewStub(*channel)->Range(context.get(), request, &response));
}

ExitCode EndpointHealth(const Session& session) {
  bool healthy = true;
  for (const std::string& endpoint : session.endpoints()) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status status = ReadThrough(session, endpoint);
    const absl::Duration took = absl::FromChrono(std::chrono::steady_clock::now() - begin);
    if (status.ok()) {
      std::cout << endpoint << " is healthy: successfully committed proposal: took = "
                << absl::FormatDuration(took) << "\n";
    } else {
      healthy = false;
      std::cerr << endpoint << " is unhealthy: failed to commit proposal: " << status.message()
                << "\n";
    }
  }
  return healthy ? kOk : kUnhealthy;
}

}  // namespace

void AddClusterCommands(CLI::App& app, Action& action) {
  auto* member = app.add_subcommand("member", "Members of the cluster")->require_subcommand(1);
  member->add_subcommand("list", "Lists them")->callback([&action] { action = MemberList; });
  AddMemberCommands(app, *member, action);
  auto* endpoint =
      app.add_subcommand("endpoint", "Each of --endpoints by itself")->require_subcommand(1);
  endpoint->add_subcommand("status", "What the member says of itself")->callback([&action] {
    action = EndpointStatus;
  });
  endpoint->add_subcommand("health", "Whether a read that takes a quorum succeeds")
      ->callback([&action] { action = EndpointHealth; });
}

}  // namespace synod::ctl
