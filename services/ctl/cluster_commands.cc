// member list, endpoint status, health and hashkv: what etcdctl shows of a
// cluster.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "etcd/cluster.grpc.pb.h"
#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/json.h"
#include "services/ctl/table.h"
#include "services/ctl/unary_call.h"

namespace synod::ctl {
namespace {

using etcdserverpb::Cluster;
using etcdserverpb::KV;
using etcdserverpb::Maintenance;

std::string YesNo(bool value) { return value ? "true" : "false"; }

std::string Bytes(int64_t bytes) {
  if (bytes < 1000)
    return absl::StrCat(bytes, " B");
  if (bytes < 1'000'000)
    return absl::StrFormat("%.0f kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1'000'000'000)
    return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
  return absl::StrFormat("%.1f GB", static_cast<double>(bytes) / 1e9);
}

void PrintRows(const Session &session, const Row &header,
               const std::vector<Row> &rows) {
  if (session.output() == "table") {
    std::cout << Table(header, rows);
    return;
  }
  for (const Row &row : rows)
    std::cout << absl::StrJoin(row, ", ") << "\n";
}

ExitCode MemberList(const Session &session) {
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(true);
  const auto print =
      [&session](const etcdserverpb::MemberListResponse &response) {
        std::vector<Row> rows;
        for (const auto &member : response.members()) {
          rows.push_back({absl::StrFormat("%x", member.id()),
                          member.name().empty() ? "unstarted" : "started",
                          member.name(), absl::StrJoin(member.peerurls(), ","),
                          absl::StrJoin(member.clienturls(), ","),
                          YesNo(member.islearner())});
        }
        PrintRows(session,
                  {"ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS",
                   "IS LEARNER"},
                  rows);
      };
  return CallAndPrint<Cluster>(session, &Cluster::Stub::MemberList, request,
                               print);
}

// Asks each endpoint for itself and prints a row or, as JSON, what etcdctl
// calls `name` for each. The exit code is that of the last failure.
template <class Request, class Response, class MakeRow>
ExitCode AskEach(const Session &session, absl::string_view name,
                 UnaryMethod<Maintenance, Request, Response> method,
                 const Request &request, const Row &header, MakeRow make_row) {
  std::vector<Row> rows;
  std::vector<std::string> objects;
  absl::Status failure;
  for (const std::string &endpoint : session.endpoints()) {
    const absl::StatusOr<Response> response = Call<Maintenance>(
        session, session.ConnectTo(endpoint), method, request);
    if (!response.ok()) {
      std::cerr << "Failed to get the " << absl::AsciiStrToLower(name)
                << " of endpoint " << endpoint << " ("
                << response.status().message() << ")\n";
      failure = response.status();
      continue;
    }
    // Nothing in host:port needs quoting.
    objects.push_back(absl::StrCat("{\"Endpoint\":\"", endpoint, "\",\"", name,
                                   "\":", ToJson(*response), "}"));
    rows.push_back(make_row(endpoint, *response));
  }
  if (session.json()) {
    std::cout << "[" << absl::StrJoin(objects, ",") << "]\n";
  } else {
    PrintRows(session, header, rows);
  }
  return ExitCodeOf(failure);
}

ExitCode EndpointStatus(const Session &session) {
  return AskEach(
      session, "Status", &Maintenance::Stub::Status,
      etcdserverpb::StatusRequest(),
      {"ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER",
       "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS"},
      [](const std::string &endpoint,
         const etcdserverpb::StatusResponse &status) {
        return Row{endpoint,
                   absl::StrFormat("%x", status.header().member_id()),
                   status.version(),
                   Bytes(status.dbsize()),
                   YesNo(status.leader() == status.header().member_id()),
                   YesNo(status.islearner()),
                   absl::StrCat(status.raftterm()),
                   absl::StrCat(status.raftindex()),
                   absl::StrCat(status.raftappliedindex()),
                   absl::StrJoin(status.errors(), ", ")};
      });
}

// A linearizable read takes a quorum, so it shows more than a connection does.
ExitCode EndpointHealth(const Session &session) {
  etcdserverpb::RangeRequest request;
  request.set_key("health");
  bool healthy = true;
  for (const std::string &endpoint : session.endpoints()) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status status = Call<KV>(session, session.ConnectTo(endpoint),
                                         &KV::Stub::Range, request)
                                    .status();
    const absl::Duration took =
        absl::FromChrono(std::chrono::steady_clock::now() - begin);
    if (status.ok()) {
      std::cout << endpoint
                << " is healthy: successfully committed proposal: took = "
                << absl::FormatDuration(took) << "\n";
    } else {
      healthy = false;
      std::cerr << endpoint << " is unhealthy: failed to commit proposal: "
                << status.message() << "\n";
    }
  }
  return healthy ? kOk : kUnhealthy;
}

ExitCode EndpointHashKv(const Session &session, int64_t revision) {
  etcdserverpb::HashKVRequest request;
  request.set_revision(revision);
  return AskEach(session, "HashKV", &Maintenance::Stub::HashKV, request,
                 {"ENDPOINT", "HASH", "HASH REVISION"},
                 [](const std::string &endpoint,
                    const etcdserverpb::HashKVResponse &hash) {
                   return Row{endpoint, absl::StrCat(hash.hash()),
                              absl::StrCat(hash.hash_revision())};
                 });
}

} // namespace

void AddClusterCommands(CLI::App &app, Action &action) {
  auto *member = app.add_subcommand("member", "Members of the cluster")
                     ->require_subcommand(1);
  member->add_subcommand("list", "Lists them")->callback([&action] {
    action = MemberList;
  });
  AddMemberCommands(app, *member, action);
  auto *endpoint =
      app.add_subcommand("endpoint", "Each of --endpoints by itself")
          ->require_subcommand(1);
  endpoint->add_subcommand("status", "What the member says of itself")
      ->callback([&action] { action = EndpointStatus; });
  endpoint
      ->add_subcommand("health", "Whether a read that takes a quorum succeeds")
      ->callback([&action] { action = EndpointHealth; });
  auto *hashkv = endpoint->add_subcommand(
      "hashkv", "One number for what the member can be asked");
  const auto revision = std::make_shared<int64_t>(0);
  hashkv->add_option("--rev", *revision,
                     "As of this revision; the newest by default");
  hashkv->callback([revision, &action] {
    action = [revision](const Session &session) {
      return EndpointHashKv(session, *revision);
    };
  });
}

} // namespace synod::ctl
