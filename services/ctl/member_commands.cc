// member add, remove, update, promote, and move-leader: changes of who takes part and who leads.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "etcd/cluster.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/unary_call.h"

namespace synod::ctl {
namespace {

namespace pb = etcdserverpb;

// What the commands are given; each uses some of it.
struct MemberArguments {
  std::string name;
  std::string id;
  std::string peer_urls;
  bool learner = false;
};

absl::StatusOr<uint64_t> ParseId(const std::string& text) {
  uint64_t id = 0;
  if (absl::SimpleHexAtoi(text, &id) && id != 0) return id;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is no member id: give it in hexadecimal, as `member list` shows it"));
}

std::string Hex(uint64_t id) {
  return absl::StrFormat("%x", id);
}

// The settings that the new node is to be started with, as etcdctl prints them.
void PrintSettings(const MemberArguments& arguments, const pb::MemberAddResponse& response) {
  const std::string& name = arguments.name;
  std::vector<std::string> cluster;
  for (const pb::Member& member : response.members()) {
    const bool added = member.id() == response.member().id();
    for (const std::string& url : member.peerurls()) {
      cluster.push_back(absl::StrCat(added ? name : member.name(), "=", url));
    }
  }
  std::cout << "Member " << Hex(response.member().id()) << " added to cluster "
            << Hex(response.header().cluster_id()) << "\n\n"
            << "Start it with an empty data directory and\n"
            << "  --name=" << name << " --initial-cluster-state=existing \\\n"
            << "  --initial-cluster=" << absl::StrJoin(cluster, ",") << "\n";
  if (!response.member().islearner()) return;
  std::cout << "It follows without a vote until "
            << (arguments.learner ? "`synodctl member promote` gives it one.\n"
                                  : "it has caught up.\n");
}

ExitCode MemberAdd(const Session& session, const MemberArguments& arguments) {
  pb::MemberAddRequest request;
  for (const absl::string_view url : absl::StrSplit(arguments.peer_urls, ',')) {
    request.add_peerurls(std::string(url));
  }
  request.set_islearner(arguments.learner);
  return CallAndPrint<pb::Cluster>(
      session, &pb::Cluster::Stub::MemberAdd, request,
      [&](const pb::MemberAddResponse& response) { PrintSettings(arguments, response); });
}

ExitCode MemberRemove(const Session& session, const MemberArguments& arguments) {
  const auto id = ParseId(arguments.id);
  if (!id.ok()) return Session::FailInput(id.status());
  pb::MemberRemoveRequest request;
  request.set_id(*id);
  return CallAndPrint<pb::Cluster>(session, &pb::Cluster::Stub::MemberRemove, request,
                                   [&](const pb::MemberRemoveResponse& response) {
                                     std::cout << "Member " << Hex(*id) << " removed from cluster "
                                               << Hex(response.header().cluster_id()) << "\n";
                                   });
}

ExitCode MemberUpdate(const Session& session, const MemberArguments& arguments) {
  const auto id = ParseId(arguments.id);
  if (!id.ok()) return Session::FailInput(id.status());
  pb::MemberUpdateRequest request;
  request.set_id(*id);
  for (const absl::string_view url : absl::StrSplit(arguments.peer_urls, ',')) {
    request.add_peerurls(std::string(url));
  }
  return CallAndPrint<pb::Cluster>(session, &pb::Cluster::Stub::MemberUpdate, request,
                                   [&](const pb::MemberUpdateResponse& response) {
                                     std::cout << "Member " << Hex(*id) << " updated in cluster "
                                               << Hex(response.header().cluster_id()) << "\n";
                                   });
}

ExitCode MemberPromote(const Session& session, const MemberArguments& arguments) {
  const auto id = ParseId(arguments.id);
  if (!id.ok()) return Session::FailInput(id.status());
  pb::MemberPromoteRequest request;
  request.set_id(*id);
  return CallAndPrint<pb::Cluster>(session, &pb::Cluster::Stub::MemberPromote, request,
                                   [&](const pb::MemberPromoteResponse& response) {
                                     std::cout << "Member " << Hex(*id) << " promoted in cluster "
                                               << Hex(response.header().cluster_id()) << "\n";
                                   });
}

// The leader among the endpoints; only it can hand over.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectToLeader(const Session& session) {
  for (const std::string& endpoint : session.endpoints()) {
    auto channel = session.ConnectTo(endpoint);
    const auto status = Call<pb::Maintenance>(session, channel, &pb::Maintenance::Stub::Status, {});
    if (status.ok() && status->leader() == status->header().member_id()) return channel;
  }
  return absl::NotFoundError("no leader endpoint found: name all nodes in --endpoints");
}

ExitCode MoveLeader(const Session& session, const MemberArguments& arguments) {
  const auto id = ParseId(arguments.id);
  if (!id.ok()) return Session::FailInput(id.status());
  pb::MoveLeaderRequest request;
  request.set_targetid(*id);
  const auto moved = Call<pb::Maintenance>(session, ConnectToLeader(session),
                                           &pb::Maintenance::Stub::MoveLeader, request);
  if (!moved.ok()) return Session::Fail(moved.status());
  std::cout << "Leadership transferred to " << Hex(*id) << "\n";
  return kOk;
}

using Command = ExitCode (*)(const Session&, const MemberArguments&);

CLI::App* AddCommand(CLI::App& app, Action& action, const char* name, const char* about,
                     const std::shared_ptr<MemberArguments>& arguments, Command command) {
  return app.add_subcommand(name, about)->callback([&action, arguments, command]() {
    action = [arguments, command](const Session& session) { return command(session, *arguments); };
  });
}

}  // namespace

void AddMemberCommands(CLI::App& app, CLI::App& member, Action& action) {
  const auto arguments = std::make_shared<MemberArguments>();
  const char* const id_about = "Its id, in hexadecimal";
  CLI::App* add =
      AddCommand(member, action, "add", "Adds one, to be started afterwards", arguments, MemberAdd);
  add->add_option("name", arguments->name, "Its --name")->required();
  add->add_option("--peer-urls", arguments->peer_urls, "Where the others reach it")->required();
  add->add_flag("--learner", arguments->learner, "It follows without a vote until promoted");
  AddCommand(member, action, "remove", "Removes one", arguments, MemberRemove)
      ->add_option("id", arguments->id, id_about)
      ->required();
  CLI::App* update =
      AddCommand(member, action, "update", "Moves one to other peer URLs", arguments, MemberUpdate);
  update->add_option("id", arguments->id, id_about)->required();
  update->add_option("--peer-urls", arguments->peer_urls, "Where the others reach it")->required();
  AddCommand(member, action, "promote", "Gives a learner its vote", arguments, MemberPromote)
      ->add_option("id", arguments->id, id_about)
      ->required();
  AddCommand(app, action, "move-leader", "Makes another member the leader", arguments, MoveLeader)
      ->add_option("id", arguments->id, id_about)
      ->required();
}

}  // namespace synod::ctl
