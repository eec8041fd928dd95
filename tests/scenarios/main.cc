// scenarios: runs scenario files, or writes down what happens in them. See docs/testing.md.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/scenarios/commands.h"
#include "tests/scenarios/runner.h"

namespace {

constexpr int kAsRecorded = 0;
constexpr int kDiffers = 1;
constexpr int kBadArguments = 2;

int PrintUsage() {
  std::cout
      << "usage: scenarios [--rewrite] [FILE...]\n"
         "Runs scenario files (all of tests/scenarios when none is named) and says where they "
         "differ from what\nthey have recorded; with --rewrite, records what happens now. "
         "The commands in them:\n\n";
  for (const synod::scenarios::Command& command : synod::scenarios::Commands()) {
    std::cout << "  " << command.usage << "\n      " << command.what << "\n";
  }
  return kAsRecorded;
}

bool RunOne(const std::string& path) {
  const absl::Status status = synod::scenarios::Check(path);
  if (status.ok()) return true;
  std::cout << status.message() << "\n";
  return false;
}

bool RewriteOne(const std::string& path) {
  const absl::StatusOr<bool> changed = synod::scenarios::Rewrite(path);
  if (!changed.ok()) {
    std::cout << changed.status().message() << "\n";
    return false;
  }
  if (*changed) std::cout << path << ": rewritten\n";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  bool rewrite = false;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help") return PrintUsage();
    if (word == "--rewrite") {
      rewrite = true;
    } else if (absl::StartsWith(word, "-")) {
      std::cerr << "scenarios: unknown flag " << word << "; there are --rewrite and --help\n";
      return kBadArguments;
    } else {
      paths.push_back(word);
    }
  }
  if (paths.empty()) paths = synod::scenarios::ScenariosIn(SYNOD_SCENARIOS_DIR);
  bool good = true;
  for (const std::string& path : paths) {
    good = (rewrite ? RewriteOne(path) : RunOne(path)) && good;
  }
  return good ? kAsRecorded : kDiffers;
}
