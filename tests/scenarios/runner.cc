#include "tests/scenarios/runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/scenarios/arguments.h"
#include "tests/scenarios/cluster.h"
#include "tests/scenarios/commands.h"

namespace synod::scenarios {
namespace {

// A broken rule changes everything behind it; the first places tell which.
constexpr int kMaxPlaces = 3;

std::string Names() {
  return absl::StrJoin(Commands(), ", ", [](std::string* out, const Command& command) {
    absl::StrAppend(out, command.name());
  });
}

absl::Status RunCommand(const Step& step, Cluster& cluster) {
  std::vector<std::string> words = absl::StrSplit(step.command, ' ', absl::SkipEmpty());
  const Command* command = words.empty() ? nullptr : FindCommand(words.front());
  if (command == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(step.line, ": no such command: '", step.command, "'; there are ", Names()));
  }
  words.erase(words.begin());
  Arguments arguments(std::move(words), cluster);
  command->run(cluster, arguments);
  if (arguments.error().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      step.line, ": '", step.command, "': ", arguments.error(), "; usage: ", command->usage));
}

absl::StatusOr<Script> Read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return ParseScript(text.str());
}

absl::Status In(const std::string& path, const absl::Status& status) {
  if (absl::IsNotFound(status)) return status;
  return absl::Status(status.code(), absl::StrCat(path, ":", status.message()));
}

}  // namespace

absl::StatusOr<Script> Run(const Script& script) {
  Script got = script;
  Cluster cluster;
  for (Step& step : got.steps) {
    if (absl::Status status = RunCommand(step, cluster); !status.ok()) return status;
    step.output = cluster.transcript().TakeLines();
  }
  return got;
}

std::string Differences(const std::string& path, const Script& recorded, const Script& got) {
  std::string text;
  int places = 0;
  for (size_t i = 0; i < recorded.steps.size(); ++i) {
    const Step& step = recorded.steps[i];
    if (step.output == got.steps[i].output || ++places > kMaxPlaces) continue;
    absl::StrAppend(&text, path, ":", step.line, ": > ", step.command, "  (- expected, + got)\n",
                    absl::StrJoin(Diff(step.output, got.steps[i].output), "\n"), "\n");
  }
  if (places > kMaxPlaces) {
    absl::StrAppend(&text, "and ", places - kMaxPlaces, " more commands say something else\n");
  }
  return text;
}

absl::Status Check(const std::string& path) {
  const auto recorded = Read(path);
  if (!recorded.ok()) return In(path, recorded.status());
  const auto got = Run(*recorded);
  if (!got.ok()) return In(path, got.status());
  const std::string differences = Differences(path, *recorded, *got);
  return differences.empty() ? absl::OkStatus() : absl::AbortedError(differences);
}

absl::StatusOr<bool> Rewrite(const std::string& path) {
  const auto recorded = Read(path);
  if (!recorded.ok()) return In(path, recorded.status());
  const auto got = Run(*recorded);
  if (!got.ok()) return In(path, got.status());
  const std::string text = FormatScript(*got);
  if (text == FormatScript(*recorded)) return false;
  std::ofstream file(path, std::ios::trunc);
  file << text << std::flush;
  if (!file) return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  return true;
}

std::vector<std::string> ScenariosIn(const std::string& dir) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() == ".txt" && entry.path().filename() != "CMakeLists.txt") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace synod::scenarios
