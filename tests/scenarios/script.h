// A scenario file: prose, commands, and what each command is recorded to say.
//
//   # Prose: any line that begins with '#'.
//   > command and its words
//   recorded output, up to the next empty line, prose or command
//
// Thread-safety: immutable after parsing, but for the outputs.
#ifndef SYNOD_TESTS_SCENARIOS_SCRIPT_H_
#define SYNOD_TESTS_SCENARIOS_SCRIPT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace synod::scenarios {

struct Step {
  std::vector<std::string> before;  // prose and empty lines above the command, verbatim
  int line = 0;                     // of the command, from 1
  std::string command;
  std::vector<std::string> output;
};

struct Script {
  std::vector<Step> steps;
  std::vector<std::string> after;  // lines below the last output
};

// InvalidArgument, with the line, when there is output without a command.
absl::StatusOr<Script> ParseScript(absl::string_view text);

// What ParseScript reads back.
std::string FormatScript(const Script& script);

// Line by line: "  same", "- only in expected", "+ only in got".
std::vector<std::string> Diff(const std::vector<std::string>& expected,
                              const std::vector<std::string>& got);

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_SCRIPT_H_
