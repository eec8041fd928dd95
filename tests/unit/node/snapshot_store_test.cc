#include "services/node/snapshot_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/unit/node/manual_clock.h"

namespace synod::node {
namespace {

constexpr Slot kSlot(5);

// A store of a state of one file.
class SnapshotStoreTest : public ::testing::Test {
 protected:
  bool HoldsNothing() const {
    return std::filesystem::is_empty(std::filesystem::path(directory_.path()) / "snapshots");
  }

  // As the node does every few seconds.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    store_.RemoveIdle();
  }

  testing::TempDir directory_;
  ManualClock clock_;
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

// Who asked may have lost patience while it was made, and asks the others before it comes back.
TEST_F(SnapshotStoreTest, OneThatNobodyReadsIsKeptForMinutes) {
  ASSERT_TRUE(store_.Open(kSlot, 0).ok());
  Pass(absl::Minutes(9));
  EXPECT_FALSE(HoldsNothing());
  Pass(absl::Minutes(2));
  EXPECT_TRUE(HoldsNothing());
}

TEST_F(SnapshotStoreTest, OneThatWasReadGoesSoonAfterItsLastUse) {
  auto reader = store_.Open(kSlot, 0);
  ASSERT_TRUE(reader.ok() && (*reader)->Read(0, 0).ok());
  for (int minute = 0; minute < 40; ++minute) Pass(absl::Minutes(1));
  reader = absl::UnavailableError("the connection broke after a long time");
  Pass(absl::Seconds(25));
  EXPECT_FALSE(HoldsNothing());
  Pass(absl::Seconds(10));
  EXPECT_TRUE(HoldsNothing());
}

}  // namespace
}  // namespace synod::node
