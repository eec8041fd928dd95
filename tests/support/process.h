// Other programs, started and stopped by tests.
//
// Not thread-safe: one thread owns a Process. A child dies with the test that started it, also when
// the test is killed, so no run leaves servers behind.
#ifndef SYNOD_TESTS_SUPPORT_PROCESS_H_
#define SYNOD_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace synod::testing {

struct Command {
  // Program (a path, or a name found on PATH) and its arguments.
  std::vector<std::string> argv;
  // On top of the test's own environment.
  std::map<std::string, std::string> environment = {};
  // What the program reads from standard input, for RunToEnd alone.
  std::string input = {};
};

class Process {
 public:
  // Starts the program with standard output and error appended to `log_path` and nothing on
  // standard input. A program that cannot be executed exits with 127.
  Process(const Command& command, const std::string& log_path);
  // Kills the process if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool Running();
  void Signal(int signal);
  // SIGKILL, and waits for the end.
  void Kill();
  // The exit code (128 + signal when a signal ended it), or nothing if it still runs after `limit`.
  std::optional<int> WaitForEnd(absl::Duration limit);

 private:
  bool Reap(bool block);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

struct Finished {
  int exit_code = 0;
  // Killed because it outlived the limit; the exit code is then 137.
  bool timed_out = false;
  std::string output;
  std::string error;
};

// Runs a program to its end, for at most `limit`.
Finished RunToEnd(const Command& command, absl::Duration limit);

// The program's full path, from PATH or from where deploy/packages.sh unpacks Debian's packages;
// empty when it is in neither.
std::string FindProgram(const std::string& name);

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_PROCESS_H_
