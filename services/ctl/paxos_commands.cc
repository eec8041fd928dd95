// paxos: the consensus underneath, node by node.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/ctl/commands.h"
#include "services/ctl/node_view.h"
#include "services/ctl/table.h"

namespace synod::ctl {
namespace {

std::string LeaderName(const cluster::v1::View& view) {
  for (const auto& member : view.members()) {
    if (member.id() == view.leader_id()) return member.name();
  }
  return view.leader_id() == 0 ? "unknown" : absl::StrCat(absl::Hex(view.leader_id()));
}

ExitCode PaxosStatus(const Session& session) {
  std::vector<Row> rows;
  absl::Status failure;
  for (const std::string& endpoint : session.endpoints()) {
    const auto view = ViewOf(session, endpoint);
    if (!view.ok()) {
      std::cerr << endpoint << ": " << view.status().message() << "\n";
      failure = view.status();
      continue;
    }
    if (session.json()) {
      session.PrintJson(*view);
      continue;
    }
    rows.push_back({view->name(), endpoint, view->leading() ? "leader" : "follower",
                    LeaderName(*view), absl::StrCat(view->leader_ballot().round()),
                    absl::StrCat(view->chosen_slot()), absl::StrCat(view->applied_slot()),
                    absl::StrCat(view->revision()),
                    absl::StrCat(view->quorum_contact_age_ms(), " ms")});
  }
  if (!rows.empty()) {
    std::cout << Table({"NODE", "ENDPOINT", "ROLE", "LEADER", "BALLOT", "CHOSEN", "APPLIED",
                        "REVISION", "QUORUM HEARD"},
                       rows);
  }
  return failure.ok() ? kOk : ExitCodeOf(failure);
}

}  // namespace

void AddPaxosCommands(CLI::App& app, Action& action) {
  auto* paxos = app.add_subcommand("paxos", "The consensus underneath")->require_subcommand(1);
  paxos->add_subcommand("status", "Role, ballot and slots of each of --endpoints")
      ->callback([&action] { action = PaxosStatus; });
}

}  // namespace synod::ctl
