// The command groups of synodctl. Each adds its subcommands to the program; when one was given, its
// action is stored in `action` and main runs it with the session.
#ifndef SYNOD_SERVICES_CTL_COMMANDS_H_
#define SYNOD_SERVICES_CTL_COMMANDS_H_

#include <functional>

#include "services/ctl/exit_code.h"
#include "services/ctl/session.h"

namespace CLI {
class App;
}

namespace synod::ctl {

using Action = std::function<ExitCode(const Session&)>;

// get, put, del, txn, compaction.
void AddKvCommands(CLI::App& app, Action& action);
// member list, endpoint status, endpoint health.
void AddClusterCommands(CLI::App& app, Action& action);
// alarm list, alarm disarm, defrag.
void AddMaintenanceCommands(CLI::App& app, Action& action);
// member add, remove, update, promote; move-leader. `member` is the group of the first four.
void AddMemberCommands(CLI::App& app, CLI::App& member, Action& action);
// lb status, policy, weights, drain, undrain.
void AddBalancerCommands(CLI::App& app, Action& action);
// paxos status.
void AddPaxosCommands(CLI::App& app, Action& action);
// doctor.
void AddDoctorCommand(CLI::App& app, Action& action);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_COMMANDS_H_
