#include "services/ctl/program.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/ctl/commands.h"

namespace synod::ctl {
namespace {

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--endpoints", flags.endpoints, "host:port,... of nodes or of the front door")
      ->multi_option_policy(CLI::MultiOptionPolicy::Join)
      ->delimiter(',')
      ->envname("SYNODCTL_ENDPOINTS")
      ->capture_default_str();
  app.add_option("--admin", flags.admin, "host:port of the balancer's gRPC admin listener")
      ->envname("SYNODCTL_ADMIN")
      ->capture_default_str();
  app.add_option("--dial-timeout", flags.dial_timeout, "For connecting")
      ->envname("SYNODCTL_DIAL_TIMEOUT")
      ->capture_default_str();
  app.add_option("--command-timeout", flags.command_timeout, "For the call itself")
      ->envname("SYNODCTL_COMMAND_TIMEOUT")
      ->capture_default_str();
  app.add_option("-w,--write-out", flags.output, "Form of the output")
      ->envname("SYNODCTL_WRITE_OUT")
      ->check(CLI::IsMember({"simple", "json", "table"}))
      ->capture_default_str();
}

// CLI11 says only that a subcommand is missing. Empty when that is not what is wrong.
std::string MissingCommand(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  std::vector<std::string> allowed;
  for (const CLI::App* command : at->get_subcommands({})) allowed.push_back(command->get_name());
  if (allowed.empty()) return "";
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  return absl::StrCat(
      words.empty() ? absl::StrCat(at->get_name(), " needs a command")
                    : absl::StrCat("unknown command \"", words.front(), "\" of ", at->get_name()),
      "; there are: ", absl::StrJoin(allowed, ", "));
}

}  // namespace

ExitCode Run(int argc, const char* const* argv) {
  CLI::App app("synodctl: talks to Synod's nodes and balancer.", "synodctl");
  GlobalFlags flags;
  Action action;
  AddGlobalFlags(app, flags);
  app.fallthrough();  // Global flags may stand behind the verb, as with etcdctl.
  app.require_subcommand(1);
  app.set_version_flag("--version", "synodctl " SYNOD_VERSION);
  app.add_subcommand("version", "Prints the version")->callback([&action] {
    action = [](const Session&) {
      std::cout << "synodctl version: " SYNOD_VERSION "\nAPI version: 3.6\n";
      return kOk;
    };
  });
  AddKvCommands(app, action);
  AddClusterCommands(app, action);
  AddMaintenanceCommands(app, action);
  AddBalancerCommands(app, action);
  AddPaxosCommands(app, action);
  AddDoctorCommand(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const std::string missing = MissingCommand(app);
    if (missing.empty()) {
      app.exit(error);
    } else {
      std::cerr << "Error: " << missing << "\n";
    }
    return kBadArguments;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kBadArguments;
  }
  const absl::StatusOr<Session> session = Session::Make(flags);
  if (!session.ok()) {
    std::cerr << "Error: " << session.status().message() << "\n";
    return kBadArguments;
  }
  return action(*session);
}

}  // namespace synod::ctl
