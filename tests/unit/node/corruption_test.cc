// A member whose data went bad where no checksum sees it, in a whole cluster: found, named, mended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "services/node/corruption_watch.h"
#include "tests/support/wrong_value.h"
#include "tests/unit/node/test_cluster.h"

namespace synod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CorruptionTest : public ClusterTest {
 protected:
  std::string StateDir(size_t i) const { return options_[i].data_dir + "/state"; }

  // Has whoever leads compare all members.
  void Compare() {
    Node* const leader = nodes_[Leader()].get();
    CorruptionWatch(
        leader,
        [leader](NodeId member, kv::Revision revision, kv::GiveUp give_up) {
          return leader->AskForHash(member, revision, give_up);
        },
        &log_)
        .Compare();
  }

  std::vector<kv::Alarm> Alarms() {
    AwaitReader(0);
    return nodes_[0]->View()->Alarms(kv::AlarmType::kNone).response.alarms;
  }

  void Disarm(kv::Alarm alarm) {
    absl::Notification done;
    nodes_[0]->Propose(kv::AlarmRequest{.action = kv::AlarmAction::kDeactivate, .alarm = alarm},
                       nodes_[0]->Now() + kLong,
                       [&](const rpc::ProposeOutcome&) { done.Notify(); });
    done.WaitForNotification();
  }
};

TEST_F(CorruptionTest, AMemberThatHoldsAnotherValueIsNamedAndMended) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(StartAll());
  MustPut(0, "k", "right");
  ASSERT_EQ(Get(2, "k"), "right");
  nodes_[2].reset();
  ASSERT_NO_FATAL_FAILURE(testing::WriteWrongValue(StateDir(2), "k"));
  ASSERT_NO_FATAL_FAILURE(Start(2));
  ASSERT_EQ(Get(2, "k"), "wrong") << "nothing that it reads tells it";

  const kv::Alarm alarm{nodes_[2]->Status().self, kv::AlarmType::kCorrupt};
  // A leader that is deposed meanwhile leaves it to the next.
  ASSERT_TRUE(testing::Await(kLong, [&] {
    Compare();
    return !Alarms().empty();
  }));
  EXPECT_THAT(Alarms(), ElementsAre(alarm));
  EXPECT_EQ(Put(0, "x", "y").result.error, kv::Error::kCorrupt);
  EXPECT_EQ(Get(0, "k"), "right") << "as in etcd, what is read is not refused";

  // What the operator does (docs/operations.md).
  nodes_[2].reset();
  std::filesystem::remove_all(StateDir(2));
  ASSERT_NO_FATAL_FAILURE(Start(2));
  EXPECT_EQ(Get(2, "k"), "right");
  Disarm(alarm);
  MustPut(0, "x", "y");
  for (int i = 0; i < 3; ++i) Compare();
  EXPECT_THAT(Alarms(), IsEmpty());
  EXPECT_EQ(Put(0, "x", "z").result.error, kv::Error::kNone);
}

}  // namespace
}  // namespace synod::node
