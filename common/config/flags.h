// Command line, environment and JSON file as one: flag over environment over file over default.
//
//   Flags flags("synod-node", "SYNOD_NODE", "One consensus replica.");
//   flags.Add("name", &options.name, "Human-readable name of this member");
//   if (auto parsed = flags.Parse(argc, argv, environment); !parsed.ok()) ...
//
// `--data-dir X`, `--data-dir=X`, SYNOD_NODE_DATA_DIR=X and {"data-dir": "X"} (comments allowed) in
// the file of --config-file mean the same. An unknown flag, environment variable with the prefix,
// or key, and a value that does not parse, is an InvalidArgument that names it and lists what is
// allowed. --help, --version and --check-config are always there.
#ifndef SYNOD_COMMON_CONFIG_FLAGS_H_
#define SYNOD_COMMON_CONFIG_FLAGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace synod {

enum class FlagsOutcome {
  kRun,          // go on
  kCheckConfig,  // validate further what the program can, print OK, exit 0
  kExit,         // help or version was printed: exit 0
};

class Flags {
 public:
  Flags(std::string program, std::string environment_prefix, std::string description);
  ~Flags();

  // The pointed-to value holds the default and receives the result.
  void Add(absl::string_view name, std::string* value, absl::string_view help);
  void Add(absl::string_view name, bool* value, absl::string_view help);
  void Add(absl::string_view name, int* value, absl::string_view help);
  void Add(absl::string_view name, int64_t* value, absl::string_view help);
  // "1.5s", "100ms"; a bare number is milliseconds, as in etcd.
  void Add(absl::string_view name, absl::Duration* value, absl::string_view help);
  // One of `allowed`.
  void AddChoice(absl::string_view name, std::string* value, std::vector<std::string> allowed,
                 absl::string_view help);

  // `environment` maps names to values (ProcessEnvironment() for the real one).
  absl::StatusOr<FlagsOutcome> Parse(int argc, const char* const* argv,
                                     const std::map<std::string, std::string>& environment);

  // Reads the file again: returns its values by name and changes nothing.
  absl::StatusOr<std::map<std::string, std::string>> ReloadFile() const;

  // True when the command line or the environment gave this flag: the file's value does not count.
  bool OverridesFile(absl::string_view name) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

std::map<std::string, std::string> ProcessEnvironment();

}  // namespace synod

#endif  // SYNOD_COMMON_CONFIG_FLAGS_H_
