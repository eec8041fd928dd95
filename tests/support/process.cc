#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "tests/support/await.h"
#include "tests/support/temp_dir.h"

namespace synod::testing {
namespace {

struct Files {
  std::string input = "/dev/null";
  std::string output;
  std::string error;
};

// Everything that allocates happens before the fork: only async-signal-safe calls follow it.
pid_t Start(const Command& command, const Files& files) {
  SYNOD_CHECK(!command.argv.empty());
  std::vector<char*> argv;
  for (const std::string& argument : command.argv)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::map<std::string, std::string> variables = command.environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.insert(absl::StrSplit(*variable, absl::MaxSplits('=', 1)));
  }
  std::vector<std::string> assignments;
  for (const auto& [name, value] : variables) assignments.push_back(absl::StrCat(name, "=", value));
  std::vector<char*> environment;
  for (std::string& assignment : assignments) environment.push_back(assignment.data());
  environment.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  SYNOD_CHECK(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int in = open(files.input.c_str(), O_RDONLY);
  const int out = open(files.output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  const int err = open(files.error.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  if (in < 0 || out < 0 || err < 0) _exit(127);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execvpe(argv[0], argv.data(), environment.data());
  _exit(127);
}

}  // namespace

Process::Process(const Command& command, const std::string& log_path)
    : pid_(Start(command, {.output = log_path, .error = log_path})) {}

Process::~Process() {
  Kill();
}

bool Process::Reap(bool block) {
  if (exit_code_.has_value()) return true;
  int status = 0;
  const pid_t reaped = waitpid(pid_, &status, block ? 0 : WNOHANG);
  if (reaped != pid_) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool Process::Running() {
  return !Reap(false);
}

void Process::Signal(int signal) {
  if (Running()) kill(pid_, signal);
}

void Process::Kill() {
  Signal(SIGKILL);
  Reap(true);
}

std::optional<int> Process::WaitForEnd(absl::Duration limit) {
  Await(limit, [this] { return !Running(); });
  return exit_code_;
}

Finished RunToEnd(const Command& command, absl::Duration limit) {
  const TempDir directory;
  const Files files{directory.path() + "/in", directory.path() + "/out", directory.path() + "/err"};
  WriteFile(files.input, command.input);
  Finished finished;
  const pid_t pid = Start(command, files);
  int status = 0;
  if (!Await(limit, [&] { return waitpid(pid, &status, WNOHANG) == pid; })) {
    finished.timed_out = true;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  finished.output = ReadFile(files.output);
  finished.error = ReadFile(files.error);
  return finished;
}

std::string FindProgram(const std::string& name) {
  const char* path = getenv("PATH");
  std::vector<std::string> folders = absl::StrSplit(path == nullptr ? "" : path, ':');
  folders.push_back(SYNOD_SOURCE_DIR "/build/peers/usr/bin");
  for (const std::string& folder : folders) {
    const std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace synod::testing
