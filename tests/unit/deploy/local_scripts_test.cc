// What deploy/local's scripts refuse before they do anything. They run in a copy of deploy/ whose
// steps of installing and building do nothing, so that nothing here can start a cluster.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace synod {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LocalScriptsTest : public ::testing::Test {
 protected:
  LocalScriptsTest() {
    const std::string copy = directory_.path() + "/deploy";
    std::filesystem::copy(SYNOD_SOURCE_DIR "/deploy", copy,
                          std::filesystem::copy_options::recursive);
    for (const char* step : {"/packages.sh", "/build.sh"}) {
      testing::WriteFile(copy + step, "#!/bin/bash\n");
    }
  }

  testing::Finished Run(const std::string& script, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), directory_.path() + "/deploy/local/" + script);
    return testing::RunToEnd({.argv = std::move(arguments)}, absl::Seconds(60));
  }

  const testing::TempDir directory_;
};

TEST_F(LocalScriptsTest, HelpIsPrintedAndNothingElseDone) {
  for (const char* script : {"up.sh", "down.sh"}) {
    const auto finished = Run(script, {"--help"});
    EXPECT_EQ(finished.exit_code, 0) << finished.error;
    EXPECT_THAT(finished.output, HasSubstr(std::string("deploy/local/") + script));
    EXPECT_THAT(finished.output, Not(HasSubstr("set -e")));
  }
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/build"));
}

TEST_F(LocalScriptsTest, UnknownArgumentsAreRefused) {
  for (const char* script : {"up.sh", "down.sh"}) {
    const auto finished = Run(script, {"--fast"});
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_THAT(finished.error, HasSubstr("unknown argument '--fast'; allowed: --"));
  }
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/build"));
}

// The balancer would be the last to start.
TEST_F(LocalScriptsTest, ATakenPortIsNoticedBeforeAnythingStarts) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(2382);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Either this takes it, or somebody has it already.
  bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  listen(fd, 1);
  const auto finished = Run("up.sh");
  close(fd);
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.error, HasSubstr("is taken by another program"));
  EXPECT_THAT(finished.output, Not(HasSubstr("started")));
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/build/local/nodes"));
}

}  // namespace
}  // namespace synod
