// The tree as it is has no forbidden include, and the check sees those planted in a small one.
#include "tests/unit/house/include_direction.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace synod::house {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(IncludeDirectionTest, TreeHasNoForbiddenInclude) {
  const SourceTree tree = ReadSourceTree(SYNOD_SOURCE_DIR);
  ASSERT_TRUE(tree.contains("common/check.h")) << "the sources were not found";
  EXPECT_THAT(ForbiddenIncludes(tree), IsEmpty());
}

TEST(IncludeDirectionTest, AllowsWhatTheTableAllows) {
  EXPECT_THAT(ForbiddenIncludes({
                  {"services/paxos/a.cc", "#include \"services/paxos/a.h\"\n#include <vector>\n"},
                  {"services/kv/a.cc", "#include \"services/storage/engine.h\"\n"},
                  {"services/rpc/a.cc", "#include \"synod/paxos/v1/peer.pb.h\"\n"},
                  {"services/node/main.cc", "#include \"services/rpc/backend.h\"\n"},
                  {"balancer/main.cc", "#include \"balancer/control/admin.h\"\n"},
                  {"common/config/flags.cc", "#include \"absl/strings/str_cat.h\"\n"},
              }),
              IsEmpty());
}

struct Planted {
  const char* path;
  const char* include;
  const char* reason;
};

TEST(IncludeDirectionTest, CatchesEachPlantedInclude) {
  const Planted table[] = {
      {"common/a.cc", "\"services/paxos/ballot.h\"", "may include only common"},
      {"services/paxos/a.cc", "\"services/kv/types.h\"", "may include only services/paxos"},
      {"services/paxos/a.cc", "\"synod/paxos/v1/peer.pb.h\"", "may include only"},
      {"services/paxos/a.cc", "<thread>", "pure"},
      {"services/kv/a.cc", "\"services/storage/env.h\"", "services/storage/engine.h"},
      {"services/kv/a.cc", "<chrono>", "pure"},
      {"services/storage/a.cc", "\"services/rpc/backend.h\"", "may include only"},
      {"services/node/a.cc", "\"balancer/view/view.h\"", "may include only"},
      {"services/node/a.cc", "<grpcpp/grpcpp.h>", "grpcpp/ stays in services/rpc"},
      {"services/node/a.cc", "\"rocksdb/db.h\"", "rocksdb/ stays in services/storage"},
      {"services/ctl/a.cc", "\"services/kv/types.h\"", "may include only"},
      {"balancer/view/a.h", "\"balancer/policies/policy.h\"", "may include only"},
      {"balancer/proxy/a.h", "\"balancer/control/admin.h\"", "may include only"},
      {"balancer/control/a.cc", "\"services/paxos/ballot.h\"", "may include only"},
      {"balancer/main.cc", "\"tests/support/process.h\"", "may include only"},
  };
  for (const Planted& planted : table) {
    const SourceTree tree = {
        {planted.path, std::string("// text\n  #  include ") + planted.include + "\n"}};
    EXPECT_THAT(ForbiddenIncludes(tree),
                ElementsAre(AllOf(StartsWith(std::string(planted.path) + ":2: "),
                                  HasSubstr("must not include"), HasSubstr(planted.reason))));
  }
}

TEST(IncludeDirectionTest, EveryFolderNeedsARow) {
  EXPECT_THAT(ForbiddenIncludes({{"services/gossip/a.cc", ""}}), ElementsAre(HasSubstr("no row")));
}

}  // namespace
}  // namespace synod::house
