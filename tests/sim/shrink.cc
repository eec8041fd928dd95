#include "tests/sim/shrink.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdio>

#include "absl/strings/str_split.h"
#include "common/check.h"

namespace synod::sim {
namespace {

Schedule Without(const Schedule& schedule, size_t first, size_t count) {
  Schedule rest(schedule.begin(), schedule.begin() + static_cast<ptrdiff_t>(first));
  const size_t behind = std::min(first + count, schedule.size());
  rest.insert(rest.end(), schedule.begin() + static_cast<ptrdiff_t>(behind), schedule.end());
  return rest;
}

bool IsRule(absl::string_view word) {
  return word.size() >= 2 && std::isupper(static_cast<unsigned char>(word[0])) != 0 &&
         std::all_of(word.begin() + 1, word.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

[[noreturn]] void RunAndTell(const RunSpec& spec, int out) {
  std::signal(SIGABRT, SIG_DFL);
  std::signal(SIGSEGV, SIG_DFL);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
  const RunResult result = Run(spec, nullptr);
  std::string rule = RuleOf(result.failure);
  if (rule.empty() && !result.failure.empty()) rule = "other";
  if (write(out, rule.data(), rule.size()) < 0) _exit(1);
  _exit(0);
}

}  // namespace

std::string RuleOf(absl::string_view failure) {
  for (const absl::string_view word : absl::StrSplit(failure, absl::ByAnyChar(": "))) {
    if (IsRule(word)) return std::string(word);
  }
  return "";
}

std::string RunApart(const RunSpec& spec) {
  std::array<int, 2> ends{};
  SYNOD_CHECK(pipe(ends.data()) == 0) << "no pipe";
  const pid_t child = fork();
  SYNOD_CHECK(child >= 0) << "no process";
  if (child == 0) RunAndTell(spec, ends[1]);
  close(ends[1]);
  std::string rule;
  std::array<char, 64> bytes{};
  for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    rule.append(bytes.data(), static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  SYNOD_CHECK(waitpid(child, &status, 0) == child) << "child=" << child;
  return WIFSIGNALED(status) ? std::string(kCrash) : rule;
}

Schedule Shrink(Schedule schedule, int max_runs,
                const std::function<bool(const Schedule&)>& fails) {
  size_t part = (schedule.size() + 1) / 2;
  while (part > 0 && !schedule.empty()) {
    bool shorter = false;
    for (size_t first = 0; first < schedule.size();) {
      if (max_runs-- == 0) return schedule;
      Schedule rest = Without(schedule, first, part);
      if (fails(rest)) {
        schedule = std::move(rest);
        shorter = true;
      } else {
        first += part;
      }
    }
    if (part == 1 && !shorter) break;
    part = std::max<size_t>(1, std::min(part / 2, schedule.size()));
  }
  return schedule;
}

}  // namespace synod::sim
