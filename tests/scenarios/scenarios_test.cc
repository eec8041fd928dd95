// One test per scenario file: it must say what it has recorded.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/scenarios/runner.h"

namespace synod::scenarios {
namespace {

class ScenarioTest : public testing::TestWithParam<std::string> {};

TEST_P(ScenarioTest, SaysWhatItHasRecorded) {
  const absl::Status status = Check(GetParam());
  EXPECT_TRUE(status.ok()) << status.message()
                           << "\nWhen this is meant: build/<preset>/bin/scenarios --rewrite "
                           << GetParam() << " and read the change.";
}

std::string FileName(const testing::TestParamInfo<std::string>& file) {
  return std::filesystem::path(file.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Files, ScenarioTest, testing::ValuesIn(ScenariosIn(SYNOD_SCENARIOS_DIR)),
                         FileName);

}  // namespace
}  // namespace synod::scenarios
