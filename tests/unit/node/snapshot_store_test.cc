#include "services/node/snapshot_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace synod::node {
namespace {

constexpr Slot kSlot(5);

// A store of a state of one file.
class SnapshotStoreTest : public ::testing::Test {
 protected:
  bool HoldsNothing() const {
    return std::filesystem::is_empty(std::filesystem::path(directory_.path()) / "snapshots");
  }

  testing::TempDir directory_;
  SystemClock clock_;
  SnapshotStore store_{{directory_.path() + "/snapshots", ClusterId(1)},
                       storage::Env::Posix(),
                       [](const std::string& dir) -> absl::StatusOr<Slot> {
                         std::filesystem::create_directory(dir);
                         std::ofstream(dir + "/file") << "state";
                         return kSlot;
                       },
                       &clock_};
};

TEST_F(SnapshotStoreTest, ThoseWhoAskShareOne) {
  const auto first = store_.Open(Slot(4), 0);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*(*first)->Read(0, 0), "state");
  EXPECT_EQ(*store_.Open(kSlot, 0), *first);
  EXPECT_EQ(store_.Open(kSlot, 1234).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotStoreTest, AStateThatIsNotThereYetLeavesNothing) {
  EXPECT_EQ(store_.Open(Slot(6), 0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(HoldsNothing());
}

TEST_F(SnapshotStoreTest, NoneIsReadWhenTheNodeStops) {
  store_.Stop();
  EXPECT_EQ(store_.Open(kSlot, 0).status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(HoldsNothing());
}

}  // namespace
}  // namespace synod::node
