// Runs scenario files and compares what happens with what they have recorded.
#ifndef SYNOD_TESTS_SCENARIOS_RUNNER_H_
#define SYNOD_TESTS_SCENARIOS_RUNNER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/scenarios/script.h"

namespace synod::scenarios {

// The script with the outputs of this run. InvalidArgument, "LINE: what is wrong", when a command
// is unknown, has wrong words, or cannot be done.
absl::StatusOr<Script> Run(const Script& script);

// What differs, for people: by command, with the line in `path`; "" when nothing does.
std::string Differences(const std::string& path, const Script& recorded, const Script& got);

// Runs the file. OK when it says what it has recorded; Aborted with the differences when not; else
// what is wrong with the file.
absl::Status Check(const std::string& path);

// Runs the file and writes down what happened. True when that changed it.
absl::StatusOr<bool> Rewrite(const std::string& path);

// The *.txt files of a directory, ascending.
std::vector<std::string> ScenariosIn(const std::string& dir);

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_RUNNER_H_
