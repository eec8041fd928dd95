// Directories that something has happened to, opened by a node.
#include "services/node/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/kv/command.h"
#include "services/storage/snapshot.h"
#include "services/storage/snapshot_download.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/node/rot.h"

namespace synod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ClusterId kCluster(0xc1);
constexpr NodeId kSelf(1);

// A key in each of ten slots, durably.
void Fill(State& state) {
  for (Slot slot(1); slot <= Slot(10); ++slot) {
    kv::PutRequest put;
    put.key = absl::StrCat("key", slot.value());
    put.value = std::string(5000, static_cast<char>('a' + slot.value()));
    const std::string command = kv::EncodeCommand(put);
    ASSERT_TRUE(state.machine->Apply({{kv::SlotCommands{slot, {command}}}}).ok());
  }
  ASSERT_TRUE(state.engine->Flush().ok());
}

class DataDirTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DataDir>> Open() {
    return DataDir::Open({dir_.path(), kCluster, kSelf, std::nullopt, 7});
  }
  // A snapshot of slot 10 that has come in and waits to be installed; says where.
  std::string TakeInSnapshot() {
    {
      const auto state = *OpenState(dir_ / "giver");
      Fill(*state);
      EXPECT_TRUE(state->engine->Checkpoint(dir_ / "snapshot").ok());
    }
    storage::Env* const env = storage::Env::Posix();
    const auto snapshot = *storage::DescribeSnapshot(env, dir_ / "snapshot", kCluster, Slot(10));
    const auto directories = *storage::StateDirectories::Open(env, dir_.path());
    EXPECT_TRUE(directories->Begin(snapshot).ok());
    fs::remove_all(directories->incoming_dir());
    fs::rename(dir_ / "snapshot", directories->incoming_dir());
    EXPECT_TRUE(directories->Complete().ok());
    return directories->incoming_dir();
  }

  static Slot AppliedOf(const DataDir& dir) { return dir.state()->Get()->machine->applied(); }

  const testing::TempDir dir_;
};

TEST_F(DataDirTest, AStateMarkedAsDamagedIsPutAsideOnce) {
  {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    Fill(*(*opened)->state()->Get());
    ASSERT_TRUE(MarkDamaged(*(*opened)->state()->Get(), "block 7 is rotten").ok());
  }
  {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_THAT((*opened)->remarks(), ElementsAre(HasSubstr("block 7 is rotten")));
    EXPECT_EQ(AppliedOf(**opened), Slot());
    EXPECT_TRUE(fs::exists(dir_ / "state.damaged-1/CURRENT"));
    Fill(*(*opened)->state()->Get());
  }
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT((*opened)->remarks(), IsEmpty());
  EXPECT_EQ(AppliedOf(**opened), Slot(10));
}

// A disk that fails again and again must not fill itself; and what may be the only copy stays.
TEST_F(DataDirTest, OfManyDamagedStatesTheNewestTwoAreKeptOnceTheStateIsWhole) {
  const auto damaged = [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename();
      if (name.find("damaged") != std::string::npos) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto damage = [&](bool log_is_cut) {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    if (log_is_cut) {
      storage::AcceptorLog* const log = (*opened)->log();
      ASSERT_TRUE(log->CutThrough(kGroup, Slot(10), storage::CutKind::kDurable).ok());
    }
    ASSERT_TRUE(MarkDamaged(*(*opened)->state()->Get(), "a block is rotten").ok());
  };
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(damage(/*log_is_cut=*/false));
  EXPECT_THAT(damaged(), ElementsAre("state.damaged-1", "state.damaged-2"));
  ASSERT_NO_FATAL_FAILURE(damage(/*log_is_cut=*/true));
  EXPECT_THAT(damaged(), ElementsAre("state.damaged-2", "state.damaged-3"));
  // From here on the log has not everything, and the state nothing.
  ASSERT_NO_FATAL_FAILURE(damage(/*log_is_cut=*/true));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(damaged(), ElementsAre("state.damaged-2", "state.damaged-3", "state.damaged-4",
                                     "state.damaged-5"));
  TakeInSnapshot();
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(AppliedOf(**opened), Slot(10));
  EXPECT_THAT(damaged(), ElementsAre("state.damaged-4", "state.damaged-5"));
  EXPECT_THAT((*opened)->remarks(), Contains(HasSubstr("state.damaged-2 removed")));
}

// Empty is not new: the member has voted.
TEST_F(DataDirTest, AStateWhoseLogIsGoneIsRefused) {
  ASSERT_TRUE(Open().ok());
  fs::rename(dir_ / "log", dir_ / "log-moved");
  for (int i = 0; i < 2; ++i) {
    const auto opened = Open();
    EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("log/ is gone"));
  }
  EXPECT_FALSE(fs::exists(dir_ / "log"));
  fs::rename(dir_ / "log-moved", dir_ / "log");
  EXPECT_TRUE(Open().ok());
}

// Nobody but its owner's group reads values; made the way the log is, each entry synced.
TEST_F(DataDirTest, StateIsForNoOtherUsers) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(fs::status(dir_ / "state").permissions() & fs::perms::others_all, fs::perms::none);
  EXPECT_EQ(fs::status(dir_ / "log").permissions(), fs::status(dir_ / "state").permissions());
}

TEST_F(DataDirTest, AStateThatIsGoneIsBuiltAgain) {
  ASSERT_TRUE(Open().ok());
  fs::remove_all(dir_ / "state");
  EXPECT_TRUE(Open().ok());
}

// Whole and complete when it was declared so; what became of it then is seen before the log is cut.
TEST_F(DataDirTest, ASnapshotThatRottedBeforeItWasInstalledIsNot) {
  ASSERT_TRUE(Open().ok());
  RotTables(TakeInSnapshot());

  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT((*opened)->remarks(), ElementsAre(HasSubstr("snapshot damaged")));
  EXPECT_EQ(AppliedOf(**opened), Slot());
  EXPECT_EQ((*opened)->log()->State(kGroup).cut_through, Slot());
  EXPECT_FALSE((*opened)->state_directories()->incoming());
}

// To read all of it may take minutes.
TEST_F(DataDirTest, WhoIsToldToStopLeavesASnapshotToTheNextStart) {
  ASSERT_TRUE(Open().ok());
  TakeInSnapshot();
  const auto stopped =
      DataDir::Open({dir_.path(), kCluster, kSelf, std::nullopt, 7, [] { return true; }});
  EXPECT_TRUE(absl::IsCancelled(stopped.status())) << stopped.status();
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT((*opened)->remarks(), ElementsAre(HasSubstr("snapshot of slot 10 installed")));
  EXPECT_EQ(AppliedOf(**opened), Slot(10));
}

}  // namespace
}  // namespace synod::node
