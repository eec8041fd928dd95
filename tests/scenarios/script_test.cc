// The scenarios' own machinery: files, differences, and what is said of mistakes in them.
#include "tests/scenarios/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/scenarios/commands.h"
#include "tests/scenarios/runner.h"

namespace synod::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::TempDir;

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ScriptTest, ReadsProseCommandsAndOutput) {
  const std::string text =
      "# Title\n\n> nodes 3\n> propose n1 x\nn1 knows no leader\n\n# The end\n";
  const auto script = ParseScript(text);
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->steps.size(), 2u);
  EXPECT_THAT(script->steps[0].before, ElementsAre("# Title", ""));
  EXPECT_THAT(script->steps[0].output, IsEmpty());
  EXPECT_EQ(script->steps[1].line, 4);
  EXPECT_EQ(script->steps[1].command, "propose n1 x");
  EXPECT_THAT(script->steps[1].output, ElementsAre("n1 knows no leader"));
  EXPECT_EQ(FormatScript(*script), text);
}

TEST(ScriptTest, RefusesOutputOfNoCommand) {
  EXPECT_THAT(std::string(ParseScript("# Title\nstray\n").status().message()),
              HasSubstr("2: 'stray' follows no command"));
}

TEST(ScriptTest, DiffKeepsWhatIsCommon) {
  EXPECT_THAT(Diff({"a", "b", "c"}, {"a", "x", "c", "d"}),
              ElementsAre("  a", "- b", "+ x", "  c", "+ d"));
  EXPECT_THAT(Diff({}, {"a"}), ElementsAre("+ a"));
  EXPECT_THAT(Diff({"a"}, {}), ElementsAre("- a"));
}

TEST(RunnerTest, NamesFileLineAndDifference) {
  const std::string path = WriteFile("differs.txt", "# Title\n> nodes 1\n> status\nn1 is down\n");
  const absl::Status status = Check(path);
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(status.message(),
            path +
                ":3: > status  (- expected, + got)\n"
                "- n1 is down\n"
                "+ n1 follows nobody, promised none, chosen through 0, applied nothing\n");
}

TEST(RunnerTest, RewritesTheOutputsAndNothingElse) {
  const std::string path =
      WriteFile("rewritten.txt", "# Title\n\n> nodes 1\nstale\n> propose n1 x\n\n# The end\n");
  EXPECT_TRUE(Rewrite(path).value());
  EXPECT_EQ(ReadFile(path),
            "# Title\n\n> nodes 1\n> propose n1 x\nn1 knows no leader\n\n# The end\n");
  EXPECT_FALSE(Rewrite(path).value());
  EXPECT_TRUE(Check(path).ok());
}

TEST(RunnerTest, SaysWhatIsWrongWithACommand) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"fly n1", "no such command: 'fly n1'; there are nodes, tick"},
      {"tick", "a node is missing; usage: tick NODE|all [TIMES]"},
      {"tick n9", "n9 does not exist"},
      {"tick m1", "a node is wanted (n1, n2, ...), not 'm1'"},
      {"tick n1 0", "'0' is no number from 1 on"},
      {"tick n1 2 3", "'3' is too much"},
      {"restart n1", "n1 is not down"},
      {"tick n3", "n3 is down"},
      {"nodes 3", "there are nodes already"},
      {"deliver n1->n2 Letter", "'Letter' is no kind of message; there are Probe, ProbeReply"},
      {"cut n1->", "both ends of the link are wanted"},
      {"join n4 to n1", "'via' is wanted, not 'to'"},
      {"join n2 via n1", "n2 exists already"},
      {"remove n1 n7", "n7 is no member"},
      {"add-learner n1 n2", "n2 is a member"},
      {"damage n3 slot 7", "n3 has no record of slot 7"},
      {"show everything", "'everything' cannot be shown"},
  };
  for (const auto& [command, why] : table) {
    const std::string path =
        WriteFile("wrong.txt", "> nodes 3\n> crash n3\n\n> " + command + "\nsomething\n");
    const absl::Status status = Check(path);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << command;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path + ":4: ")) << command;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << command;
  }
  EXPECT_TRUE(absl::IsNotFound(Check(TempDir() + "/none.txt")));
}

TEST(CommandsTest, EachHasANameOfItsOwn) {
  std::set<absl::string_view> names;
  for (const Command& command : Commands()) {
    EXPECT_TRUE(names.insert(command.name()).second) << command.usage;
    EXPECT_EQ(FindCommand(command.name()), &command);
  }
}

// An empty directory would pass for one in which all is well.
TEST(ScenariosTest, AreThere) {
  EXPECT_FALSE(ScenariosIn(SYNOD_SCENARIOS_DIR).empty());
}

}  // namespace
}  // namespace synod::scenarios
