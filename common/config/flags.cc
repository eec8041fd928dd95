#include "common/config/flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/config/flag_value.h"

namespace synod {
namespace {

using Values = std::map<std::string, std::string>;

struct Flag {
  FlagTarget target;
  std::vector<std::string> allowed;
  std::string help;
};

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config-file ", path, ": is a directory; name the file in it"));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // Streaming an empty file sets failbit on `text` only.
  if (!file || (text << file.rdbuf(), file.bad())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--config-file ", path, ": cannot be read; check the path and its permissions"));
  }
  return text.str();
}

// A JSON scalar as the text that the flag would have on the command line.
std::optional<std::string> ScalarText(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number()) return value.dump();
  return std::nullopt;
}

}  // namespace

class Flags::Impl {
 public:
  Impl(std::string program, std::string prefix, std::string description)
      : program_(std::move(program)),
        prefix_(std::move(prefix) + "_"),
        description_(std::move(description)) {
    Add("config-file", &config_file_, {}, "JSON file with these flags as keys; comments allowed");
  }

  void Add(absl::string_view name, FlagTarget target, std::vector<std::string> allowed,
           absl::string_view help) {
    const bool added =
        flags_.emplace(std::string(name), Flag{target, std::move(allowed), std::string(help)})
            .second;
    SYNOD_CHECK(added) << "flag defined twice: " << name;
  }

  absl::StatusOr<FlagsOutcome> Parse(int argc, const char* const* argv, const Values& environment) {
    Values line;
    auto outcome = ParseLine(argc, argv, line);
    if (!outcome.ok() || *outcome == FlagsOutcome::kExit) return outcome;
    auto variables = ParseEnvironment(environment);
    if (!variables.ok()) return variables.status();

    Values file;
    if (const auto path = line.find("config-file"); path != line.end()) {
      config_file_ = path->second;
    } else if (const auto variable = variables->find("config-file"); variable != variables->end()) {
      config_file_ = variable->second;
    }
    if (!config_file_.empty()) {
      auto read = ReadFile();
      if (!read.ok()) return read.status();
      file = *std::move(read);
    }

    for (const Values* given : {&*variables, &line}) {
      for (const auto& [name, value] : *given) overriding_.insert(name);
    }
    // The lowest precedence first, so that the later ones win. Every source is checked, even where
    // another one overrides it: a typo does not hide behind a flag.
    for (const auto& [source, values] :
         {std::pair{Source::kFile, &file}, std::pair{Source::kEnvironment, &*variables},
          std::pair{Source::kLine, &line}}) {
      for (const auto& [name, value] : *values) {
        if (auto status = Set(source, name, value); !status.ok()) return status;
      }
    }
    return outcome;
  }

  bool OverridesFile(absl::string_view name) const {
    return overriding_.count(std::string(name)) != 0;
  }

  absl::StatusOr<Values> ReadFile() const {
    auto text = ReadWholeFile(config_file_);
    if (!text.ok()) return text.status();
    nlohmann::json document;
    std::set<std::string> keys;
    std::string twice;
    const auto note = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
      const bool is_key = depth == 1 && event == nlohmann::json::parse_event_t::key;
      if (is_key && !keys.insert(parsed.get<std::string>()).second)
        twice = parsed.get<std::string>();
      return true;
    };
    try {
      document = nlohmann::json::parse(*text, note, true, /*ignore_comments=*/true);
    } catch (const nlohmann::json::exception& error) {
      // "[json.exception.parse_error.101] parse error at line 1 ...": the number is the library's.
      const std::pair<absl::string_view, absl::string_view> parts =
          absl::StrSplit(error.what(), absl::MaxSplits("] ", 1));
      return FileError(parts.second);
    }
    if (!document.is_object()) return FileError("is not a JSON object of flag names and values");
    if (!twice.empty()) return FileError(absl::StrCat("key \"", twice, "\" twice; keep one"));
    Values values;
    for (const auto& [key, value] : document.items()) {
      if (flags_.count(key) == 0 || key == "config-file") {
        return FileError(absl::StrCat("unknown key \"", key, "\"; allowed: ", AllowedNames("")));
      }
      auto scalar = ScalarText(value);
      if (!scalar) {
        return FileError(absl::StrCat("key \"", key, "\" needs a string, a number, true or false"));
      }
      values[key] = *std::move(scalar);
    }
    return values;
  }

 private:
  enum class Source { kFile, kEnvironment, kLine };

  // CLI11 would take the next flag for the value that is missing.
  absl::Status CheckValues(int argc, const char* const* argv) const {
    for (int i = 1; i < argc; ++i) {
      absl::string_view name = argv[i];
      if (!absl::ConsumePrefix(&name, "--")) continue;
      const bool ends_open = absl::ConsumeSuffix(&name, "=");
      const auto flag = flags_.find(std::string(name));
      if (flag == flags_.end()) continue;
      const bool is_switch = std::holds_alternative<bool*>(flag->second.target);
      const bool has_value = i + 1 < argc && !absl::StartsWith(argv[i + 1], "--");
      if (ends_open || (!is_switch && !has_value)) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, ": has no value; write --", name, "=VALUE"));
      }
      if (!is_switch) ++i;  // its value
    }
    return absl::OkStatus();
  }

  // Collects the flags given on the command line as text.
  absl::StatusOr<FlagsOutcome> ParseLine(int argc, const char* const* argv, Values& values) {
    if (auto status = CheckValues(argc, argv); !status.ok()) return status;
    CLI::App app(description_, program_);
    app.set_version_flag("--version", absl::StrCat(program_, " ", SYNOD_VERSION));
    bool check_config = false;
    app.add_flag("--check-config", check_config, "Validate the configuration and exit");
    std::map<std::string, std::pair<CLI::Option*, std::string>> given;
    for (const auto& [name, flag] : flags_) {
      auto& [option, text] = given[name];
      const bool is_switch = std::holds_alternative<bool*>(flag.target);
      option = is_switch ? app.add_flag("--" + name, text, flag.help)
                         : app.add_option("--" + name, text, flag.help);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      if (is_switch) continue;
      option->default_str(FlagValueText(flag.target));
      if (!flag.allowed.empty()) {
        option->type_name(absl::StrCat("{", absl::StrJoin(flag.allowed, "|"), "}"));
      }
    }
    app.allow_extras();
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& done) {
      app.exit(done);
      return FlagsOutcome::kExit;
    } catch (const CLI::ParseError& error) {
      return absl::InvalidArgumentError(error.what());
    }
    if (const auto extras = app.remaining(); !extras.empty()) {
      return absl::InvalidArgumentError(
          absl::StartsWith(extras.front(), "-")
              ? absl::StrCat("unknown flag ", extras.front(), "; allowed: ", AllowedNames("--"))
              : absl::StrCat("unexpected argument \"", extras.front(),
                             "\"; flags are written --name=value"));
    }
    for (const auto& [name, option] : given) {
      if (option.first->count() > 0) values[name] = option.second;
    }
    return check_config ? FlagsOutcome::kCheckConfig : FlagsOutcome::kRun;
  }

  absl::StatusOr<Values> ParseEnvironment(const Values& environment) const {
    Values names;  // variable -> flag
    for (const auto& [name, flag] : flags_) names[VariableName(name)] = name;
    Values values;
    for (auto it = environment.lower_bound(prefix_);
         it != environment.end() && absl::StartsWith(it->first, prefix_); ++it) {
      const auto known = names.find(it->first);
      if (known == names.end()) {
        std::vector<std::string> allowed;
        for (const auto& [variable, name] : names) allowed.push_back(variable);
        return absl::InvalidArgumentError(
            absl::StrCat("unknown environment variable ", it->first,
                         "; allowed: ", absl::StrJoin(allowed, ", ")));
      }
      values[known->second] = it->second;
    }
    return values;
  }

  absl::Status Set(Source source, const std::string& name, const std::string& value) {
    const Flag& flag = flags_.at(name);
    const absl::Status status = SetFlagValue(value, flag.allowed, flag.target);
    if (status.ok()) return status;
    const std::string problem = absl::StrCat("\"", value, "\" ", status.message());
    switch (source) {
      case Source::kFile:
        return FileError(absl::StrCat("key \"", name, "\": ", problem));
      case Source::kEnvironment:
        return absl::InvalidArgumentError(absl::StrCat(VariableName(name), ": ", problem));
      case Source::kLine:
        break;
    }
    return absl::InvalidArgumentError(absl::StrCat("--", name, ": ", problem));
  }

  std::string VariableName(absl::string_view name) const {
    return prefix_ + absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}));
  }

  std::string AllowedNames(absl::string_view prefix) const {
    std::vector<std::string> names;
    for (const auto& [name, flag] : flags_) names.push_back(absl::StrCat(prefix, name));
    return absl::StrJoin(names, ", ");
  }

  absl::Status FileError(absl::string_view problem) const {
    return absl::InvalidArgumentError(absl::StrCat("--config-file ", config_file_, ": ", problem));
  }

  const std::string program_;
  const std::string prefix_;
  const std::string description_;
  std::string config_file_;
  std::map<std::string, Flag> flags_;
  std::set<std::string> overriding_;  // given by the command line or the environment
};

Flags::Flags(std::string program, std::string environment_prefix, std::string description)
    : impl_(std::make_unique<Impl>(std::move(program), std::move(environment_prefix),
                                   std::move(description))) {}
Flags::~Flags() = default;

void Flags::Add(absl::string_view name, std::string* value, absl::string_view help) {
  impl_->Add(name, value, {}, help);
}
void Flags::Add(absl::string_view name, bool* value, absl::string_view help) {
  impl_->Add(name, value, {}, help);
}
void Flags::Add(absl::string_view name, int* value, absl::string_view help) {
  impl_->Add(name, value, {}, help);
}
void Flags::Add(absl::string_view name, int64_t* value, absl::string_view help) {
  impl_->Add(name, value, {}, help);
}
void Flags::Add(absl::string_view name, absl::Duration* value, absl::string_view help) {
  impl_->Add(name, value, {}, help);
}
void Flags::AddChoice(absl::string_view name, std::string* value, std::vector<std::string> allowed,
                      absl::string_view help) {
  impl_->Add(name, value, std::move(allowed), help);
}

absl::StatusOr<FlagsOutcome> Flags::Parse(int argc, const char* const* argv,
                                          const std::map<std::string, std::string>& environment) {
  return impl_->Parse(argc, argv, environment);
}

absl::StatusOr<std::map<std::string, std::string>> Flags::ReloadFile() const {
  return impl_->ReadFile();
}

bool Flags::OverridesFile(absl::string_view name) const {
  return impl_->OverridesFile(name);
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const size_t equals = text.find('='); equals != std::string::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

}  // namespace synod
