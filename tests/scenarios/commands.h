// The commands of scenario files. docs/testing.md shows how they are used.
#ifndef SYNOD_TESTS_SCENARIOS_COMMANDS_H_
#define SYNOD_TESTS_SCENARIOS_COMMANDS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "tests/scenarios/arguments.h"
#include "tests/scenarios/cluster.h"

namespace synod::scenarios {

struct Command {
  absl::string_view usage;  // its name is the first word
  absl::string_view what;
  // Does what its words say, or nothing when arguments.done() is false.
  void (*run)(Cluster& cluster, Arguments& arguments);

  absl::string_view name() const { return usage.substr(0, usage.find(' ')); }
};

// Time, messages and clients.
std::vector<Command> DrivingCommands();
// Who takes part.
std::vector<Command> MembershipCommands();
// What goes wrong.
std::vector<Command> FaultCommands();
// What is shown.
std::vector<Command> ShowingCommands();

// All of them.
const std::vector<Command>& Commands();

// Null when there is none of that name.
const Command* FindCommand(absl::string_view name);

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_COMMANDS_H_
