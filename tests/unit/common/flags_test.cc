#include "common/config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace synod {
namespace {

using ::testing::HasSubstr;
using Environment = std::map<std::string, std::string>;

// One flag of each type, with defaults.
class FlagsTest : public ::testing::Test {
 protected:
  FlagsTest() {
    flags_.Add("name", &name_, "a name");
    flags_.Add("verbose", &verbose_, "a switch");
    flags_.Add("threads", &threads_, "a number");
    flags_.Add("quota-bytes", &quota_, "a big number");
    flags_.Add("election-timeout", &timeout_, "a duration");
    flags_.AddChoice("policy", &policy_, {"random", "weighted"}, "a choice");
  }

  ~FlagsTest() override { std::remove(file_.c_str()); }

  absl::StatusOr<FlagsOutcome> Parse(std::vector<const char*> arguments,
                                     const Environment& environment = {}) {
    arguments.insert(arguments.begin(), "synod-test");
    return flags_.Parse(static_cast<int>(arguments.size()), arguments.data(), environment);
  }

  std::string Error(const std::vector<const char*>& arguments,
                    const Environment& environment = {}) {
    const auto outcome = Parse(arguments, environment);
    EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(outcome.status().message());
  }

  const char* File(const std::string& content) {
    std::ofstream(file_) << content;
    return file_.c_str();
  }

  std::string name_ = "default";
  bool verbose_ = false;
  int threads_ = 1;
  int64_t quota_ = 0;
  absl::Duration timeout_ = absl::Seconds(1);
  std::string policy_ = "random";
  Flags flags_{"synod-test", "SYNOD_TEST", "A test."};
  const std::string file_ = ::testing::TempDir() + "flags_test_" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".json";
};

TEST_F(FlagsTest, DefaultsStayWithoutArguments) {
  ASSERT_EQ(*Parse({}), FlagsOutcome::kRun);
  EXPECT_EQ(name_, "default");
  EXPECT_EQ(timeout_, absl::Seconds(1));
}

TEST_F(FlagsTest, BothSpellingsOfAFlag) {
  ASSERT_TRUE(Parse({"--name", "a", "--threads=4", "--verbose", "--quota-bytes=5000000000",
                     "--election-timeout=1500ms", "--policy=weighted"})
                  .ok());
  EXPECT_EQ(name_, "a");
  EXPECT_EQ(threads_, 4);
  EXPECT_TRUE(verbose_);
  EXPECT_EQ(quota_, 5'000'000'000);
  EXPECT_EQ(timeout_, absl::Milliseconds(1500));
  EXPECT_EQ(policy_, "weighted");
}

TEST_F(FlagsTest, AFlagWithoutAValueDoesNotTakeTheNextOneForIt) {
  const std::string no_value = "--name: has no value; write --name=VALUE";
  EXPECT_EQ(Error({"--name=", "--check-config"}), no_value);
  EXPECT_EQ(Error({"--name", "--check-config"}), no_value);
  EXPECT_EQ(Error({"--threads=2", "--name="}), no_value);
  EXPECT_EQ(Error({"--name"}), no_value);
  EXPECT_EQ(Error({"--verbose="}), "--verbose: has no value; write --verbose=VALUE");
  ASSERT_TRUE(Parse({"--quota-bytes", "-1", "--name", "a="}).ok());
  EXPECT_EQ(quota_, -1);
  EXPECT_EQ(name_, "a=");
}

TEST_F(FlagsTest, SwitchTakesAValue) {
  verbose_ = true;
  ASSERT_TRUE(Parse({"--verbose=false"}).ok());
  EXPECT_FALSE(verbose_);
}

TEST_F(FlagsTest, BareNumberOfADurationIsMilliseconds) {
  ASSERT_TRUE(Parse({"--election-timeout=250"}).ok());
  EXPECT_EQ(timeout_, absl::Milliseconds(250));
}

TEST_F(FlagsTest, LastOfARepeatedFlagWins) {
  ASSERT_TRUE(Parse({"--name=a", "--name=b"}).ok());
  EXPECT_EQ(name_, "b");
}

TEST_F(FlagsTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const char* file = File(R"({
    // Comments are allowed.
    "name": "file", "threads": 2, "quota-bytes": 7, "verbose": true
  })");
  ASSERT_TRUE(Parse({"--config-file", file, "--name=flag"},
                    {{"SYNOD_TEST_NAME", "environment"}, {"SYNOD_TEST_THREADS", "3"}})
                  .ok());
  EXPECT_EQ(name_, "flag");
  EXPECT_EQ(threads_, 3);
  EXPECT_EQ(quota_, 7);
  EXPECT_TRUE(verbose_);
  EXPECT_EQ(policy_, "random");
}

TEST_F(FlagsTest, FileMayBeNamedByTheEnvironment) {
  const char* file = File(R"({"election-timeout": "2s"})");
  ASSERT_TRUE(Parse({}, {{"SYNOD_TEST_CONFIG_FILE", file}}).ok());
  EXPECT_EQ(timeout_, absl::Seconds(2));
}

TEST_F(FlagsTest, ReloadReadsTheFileAgain) {
  ASSERT_TRUE(Parse({"--config-file", File(R"({"policy": "random"})")}).ok());
  File(R"({"policy": "weighted"})");
  const auto values = flags_.ReloadFile();
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(*values, (std::map<std::string, std::string>{{"policy", "weighted"}}));
}

TEST_F(FlagsTest, TellsWhatTheFileCannotChange) {
  ASSERT_TRUE(Parse({"--name=line", "--config-file", File(R"({"policy": "random", "threads": 2})")},
                    {{"SYNOD_TEST_THREADS", "3"}})
                  .ok());
  EXPECT_TRUE(flags_.OverridesFile("name"));
  EXPECT_TRUE(flags_.OverridesFile("threads"));
  EXPECT_FALSE(flags_.OverridesFile("policy"));
  EXPECT_FALSE(flags_.OverridesFile("verbose"));
}

TEST_F(FlagsTest, CheckConfigIsReported) {
  EXPECT_EQ(*Parse({"--check-config"}), FlagsOutcome::kCheckConfig);
}

TEST_F(FlagsTest, HelpAndVersionExit) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(*Parse({"--help"}), FlagsOutcome::kExit);
  EXPECT_EQ(*Parse({"--version"}), FlagsOutcome::kExit);
  const std::string printed = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(printed, HasSubstr("--election-timeout"));
  EXPECT_THAT(printed, HasSubstr("random|weighted"));
  EXPECT_THAT(printed, HasSubstr("synod-test "));
}

TEST_F(FlagsTest, UnknownNamesAreErrorsThatListWhatIsAllowed) {
  EXPECT_THAT(Error({"--nmae=a"}), HasSubstr("unknown flag --nmae=a; allowed: --config-file, "));
  EXPECT_THAT(Error({"stray"}), HasSubstr("unexpected argument \"stray\""));
  EXPECT_THAT(Error({}, {{"SYNOD_TEST_NMAE", "a"}}),
              HasSubstr("unknown environment variable SYNOD_TEST_NMAE; allowed: "));
  EXPECT_THAT(Error({"--config-file", File(R"({"nmae": "a"})")}),
              HasSubstr("unknown key \"nmae\"; allowed: "));
}

TEST_F(FlagsTest, OtherProgramsVariablesAreNotOurs) {
  EXPECT_TRUE(Parse({}, {{"SYNOD_TESTS", "5"}, {"SYNOD_OTHER_NAME", "a"}}).ok());
}

TEST_F(FlagsTest, BadValuesAreErrorsThatNameTheirSource) {
  EXPECT_THAT(Error({"--threads=many"}), HasSubstr("--threads: \"many\" is not a whole number"));
  EXPECT_THAT(Error({"--threads=5000000000"}), HasSubstr("at most 32 bits"));
  EXPECT_THAT(Error({"--verbose=perhaps"}), HasSubstr("not true or false"));
  EXPECT_THAT(Error({"--election-timeout=soon"}), HasSubstr("is not a duration"));
  EXPECT_THAT(Error({"--election-timeout=-1s"}), HasSubstr("negative"));
  EXPECT_THAT(Error({"--policy=best"}), HasSubstr("is not one of: random, weighted"));
  EXPECT_THAT(Error({"--name"}), HasSubstr("--name"));
  EXPECT_THAT(Error({}, {{"SYNOD_TEST_THREADS", "x"}}), HasSubstr("SYNOD_TEST_THREADS: \"x\""));
  EXPECT_THAT(Error({"--config-file", File(R"({"threads": []})")}), HasSubstr("key \"threads\""));
  EXPECT_THAT(Error({"--config-file", File(R"({"threads": 1, "threads": 2})")}),
              HasSubstr("key \"threads\" twice"));
  EXPECT_THAT(Error({"--config-file", File("{")}), HasSubstr(": parse error at line 1"));
  EXPECT_THAT(Error({"--config-file", "/"}), HasSubstr("--config-file /: is a directory"));
  EXPECT_THAT(Error({"--config-file", File("[]")}), HasSubstr("not a JSON object"));
  EXPECT_THAT(Error({"--config-file", "/no/such/file"}), HasSubstr("cannot be read"));
}

TEST_F(FlagsTest, BadFileValueIsAnErrorEvenWhereAFlagOverridesIt) {
  EXPECT_THAT(Error({"--threads=2", "--config-file", File(R"({"threads": "x"})")}),
              HasSubstr("key \"threads\""));
}

}  // namespace
}  // namespace synod
