#include "tests/scenarios/script.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace synod::scenarios {
namespace {

constexpr absl::string_view kPrompt = "> ";

bool IsProse(absl::string_view line) {
  return line.empty() || absl::StartsWith(line, "#");
}

}  // namespace

absl::StatusOr<Script> ParseScript(absl::string_view text) {
  Script script;
  bool in_output = false;
  int number = 0;
  std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  for (std::string& line : lines) {
    ++number;
    if (absl::StartsWith(line, kPrompt)) {
      script.steps.push_back(
          {std::exchange(script.after, {}), number, line.substr(kPrompt.size()), {}});
      in_output = true;
    } else if (IsProse(line)) {
      script.after.push_back(std::move(line));
      in_output = false;
    } else if (in_output) {
      script.steps.back().output.push_back(std::move(line));
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          number, ": '", line, "' follows no command: begin prose with '#', a command with '> '"));
    }
  }
  return script;
}

std::string FormatScript(const Script& script) {
  std::string text;
  const auto add = [&](absl::string_view line) { absl::StrAppend(&text, line, "\n"); };
  for (const Step& step : script.steps) {
    for (const std::string& line : step.before) add(line);
    add(absl::StrCat(kPrompt, step.command));
    for (const std::string& line : step.output) add(line);
  }
  for (const std::string& line : script.after) add(line);
  return text;
}

std::vector<std::string> Diff(const std::vector<std::string>& expected,
                              const std::vector<std::string>& got) {
  // longest[i][j]: lines that expected from i on and got from j on have in common, in order.
  std::vector<std::vector<size_t>> longest(expected.size() + 1,
                                           std::vector<size_t>(got.size() + 1, 0));
  for (size_t i = expected.size(); i-- > 0;) {
    for (size_t j = got.size(); j-- > 0;) {
      longest[i][j] = expected[i] == got[j] ? longest[i + 1][j + 1] + 1
                                            : std::max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  size_t i = 0;
  size_t j = 0;
  while (i < expected.size() || j < got.size()) {
    if (i < expected.size() && j < got.size() && expected[i] == got[j]) {
      lines.push_back(absl::StrCat("  ", expected[i++]));
      ++j;
    } else if (j == got.size() || (i < expected.size() && longest[i + 1][j] >= longest[i][j + 1])) {
      lines.push_back(absl::StrCat("- ", expected[i++]));
    } else {
      lines.push_back(absl::StrCat("+ ", got[j++]));
    }
  }
  return lines;
}

}  // namespace synod::scenarios
