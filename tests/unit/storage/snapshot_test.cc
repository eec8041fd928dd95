// Snapshots on a filesystem that crashes: made, fetched in pieces, verified, installed.
#include "services/storage/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "services/storage/snapshot_download.h"
#include "services/storage/state_directories.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::storage {
namespace {

using ::testing::HasSubstr;

const ClusterId kCluster(7);
constexpr size_t kChunk = 300;

using Files = std::map<std::string, std::string>;

void WriteFiles(Env& env, const std::string& dir, const Files& files) {
  ASSERT_TRUE(env.CreateDirs(dir).ok());
  for (const auto& [name, contents] : files) {
    auto file = env.CreateZeroed(dir + "/" + name, 0).value();
    ASSERT_TRUE(file->WriteAt(0, contents).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  ASSERT_TRUE(env.SyncDir(dir).ok());
}

Files ReadFiles(Env& env, const std::string& dir) {
  Files files;
  const auto names = env.List(dir);
  if (!names.ok()) return files;
  for (const std::string& name : *names) {
    files[name] = env.Open(dir + "/" + name).value()->ReadAt(0, 1 << 20).value();
  }
  return files;
}

std::string Bytes(uint64_t seed, size_t size) {
  Random random(seed);
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(random.Next()));
  return bytes;
}

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() {
    WriteFiles(giver_, "out", files_);
    snapshot_ = DescribeSnapshot(&giver_, "out", kCluster, Slot(90)).value();
    WriteFiles(env_, "data/state", old_);
  }

  std::string Chunk(const SnapshotPosition& at) {
    return ReadSnapshotChunk(&giver_, "out", snapshot_, at.file, at.offset, kChunk).value();
  }

  // Takes in at most `chunks`.
  absl::Status Fetch(SnapshotDownload& download, int chunks = 1 << 20) {
    for (; chunks > 0 && download.next(); --chunks) {
      const SnapshotPosition at = *download.next();
      if (absl::Status status = download.Write(snapshot_.id(), at, Chunk(at)); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  // What a node does at every start, until the snapshot is its state.
  absl::Status StartAndInstall(FaultEnv& env) {
    auto directories = StateDirectories::Open(&env, "data");
    if (!directories.ok()) return directories.status();
    StateDirectories& dirs = **directories;
    const Files state = ReadFiles(env, dirs.current());
    EXPECT_TRUE(state == old_ || state == files_) << "neither the one state nor the other";
    if (state == files_) return absl::OkStatus();
    if (WhatToDo(dirs.incoming(), kCluster, Slot(5)) != IncomingAction::kInstall) {
      auto download = SnapshotDownload::Start(&env, &dirs, snapshot_);
      if (!download.ok()) return download.status();
      if (absl::Status status = Fetch(**download); !status.ok()) return status;
      if (absl::Status status = (*download)->Finish(); !status.ok()) return status;
    }
    return dirs.Install();
  }

  const Files files_ = {{"000012.sst", Bytes(1, 2000)},
                        {"000013.sst", Bytes(2, 901)},
                        {"CURRENT", "MANIFEST-000005\n"},
                        {"EMPTY", ""},
                        {"MANIFEST-000005", Bytes(3, 600)}};
  const Files old_ = {{"000004.sst", Bytes(4, 1500)}, {"CURRENT", "MANIFEST-000001\n"}};
  FaultEnv giver_;
  FaultEnv env_;
  SnapshotDescriptor snapshot_;
};

TEST_F(SnapshotTest, ADescriptorIsReadBackAndNothingElseIs) {
  const std::string bytes = snapshot_.Encode();
  EXPECT_EQ(SnapshotDescriptor::Parse(bytes).value(), snapshot_);
  EXPECT_EQ(snapshot_.TotalBytes(), 2000 + 901 + 16 + 600);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] ^= 1;
    EXPECT_FALSE(SnapshotDescriptor::Parse(flipped).ok()) << at;
    EXPECT_FALSE(SnapshotDescriptor::Parse(bytes.substr(0, at)).ok()) << at;
  }
  for (const char* name : {"", ".", "..", "../state", "a/b", "a b", ".hidden"}) {
    SnapshotDescriptor hostile = snapshot_;
    hostile.files = {{name, 1, 1}};
    EXPECT_FALSE(SnapshotDescriptor::Parse(hostile.Encode()).ok()) << name;
  }
  SnapshotDescriptor twice = snapshot_;
  twice.files = {{"a", 1, 1}, {"a", 1, 1}};
  EXPECT_FALSE(SnapshotDescriptor::Parse(twice.Encode()).ok());
}

TEST_F(SnapshotTest, ChunksAreBoundedAndEndWithTheFile) {
  const auto read = [&](size_t file, uint64_t offset, size_t max_bytes) {
    return ReadSnapshotChunk(&giver_, "out", snapshot_, file, offset, max_bytes);
  };
  EXPECT_EQ(read(0, 0, 300)->size(), 300);
  EXPECT_EQ(read(0, 1900, 300)->size(), 100);
  EXPECT_EQ(read(0, 0, 0)->size(), 1) << "never none";
  EXPECT_TRUE(absl::IsOutOfRange(read(0, 2000, 300).status()));
  EXPECT_TRUE(absl::IsOutOfRange(read(9, 0, 300).status()));
  giver_.Contents("out/000012.sst").resize(100);
  EXPECT_TRUE(absl::IsDataLoss(read(0, 0, 300).status()));
}

TEST_F(SnapshotTest, ASnapshotTakesTheStatesPlace) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  EXPECT_EQ(dirs->current(), "data/state");
  {
    auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
    EXPECT_EQ(download->bytes_missing(), snapshot_.TotalBytes());
    ASSERT_TRUE(Fetch(*download, 4).ok());
    EXPECT_EQ(download->bytes_missing(), snapshot_.TotalBytes() - 4 * kChunk);
    ASSERT_TRUE(Fetch(*download).ok());
    EXPECT_FALSE(dirs->incoming()->complete);
    ASSERT_TRUE(download->Finish().ok());
  }
  EXPECT_EQ(ReadFiles(env_, dirs->current()), old_) << "not installed yet";
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
  dirs = StateDirectories::Open(&env_, "data").value();
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
  EXPECT_EQ(ReadFiles(env_, dirs->incoming_dir()), Files()) << "the old state is gone";
  // And the next one comes in where the first state was.
  snapshot_.slot = Slot(100);
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  ASSERT_TRUE(Fetch(*download).ok());
  ASSERT_TRUE(download->Finish().ok());
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(dirs->current(), "data/state");
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
}

TEST_F(SnapshotTest, OnlyTheBytesThatAreWantedAreTaken) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  ASSERT_TRUE(Fetch(*download, 2).ok());
  const SnapshotPosition at = *download->next();
  EXPECT_EQ(at, (SnapshotPosition{0, 2 * kChunk}));
  const auto refused = [&](uint64_t id, SnapshotPosition where, const std::string& bytes) {
    const absl::Status status = download->Write(id, where, bytes);
    EXPECT_EQ(*download->next(), at);
    return absl::IsInvalidArgument(status);
  };
  EXPECT_TRUE(refused(snapshot_.id() + 1, at, Chunk(at))) << "another snapshot's";
  EXPECT_TRUE(refused(snapshot_.id(), {0, kChunk}, Chunk({0, kChunk}))) << "had them before";
  EXPECT_TRUE(refused(snapshot_.id(), {0, 3 * kChunk}, Chunk({0, 3 * kChunk}))) << "too early";
  EXPECT_TRUE(refused(snapshot_.id(), {1, 0}, Chunk({1, 0}))) << "another file's";
  EXPECT_TRUE(refused(snapshot_.id(), at, "")) << "none";
  EXPECT_TRUE(refused(snapshot_.id(), at, std::string(1401, 'x'))) << "too many";
  ASSERT_TRUE(Fetch(*download).ok());
  ASSERT_TRUE(download->Finish().ok());
}

TEST_F(SnapshotTest, AFileWithAWrongByteIsFetchedAgain) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  std::string chunk = Chunk({0, 0});
  chunk[17] ^= 1;
  ASSERT_TRUE(download->Write(snapshot_.id(), {0, 0}, chunk).ok());
  const absl::Status status = Fetch(*download);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("000012.sst"));
  EXPECT_EQ(*download->next(), (SnapshotPosition{0, 0}));
  ASSERT_TRUE(Fetch(*download).ok());
  ASSERT_TRUE(download->Finish().ok());
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
}

TEST_F(SnapshotTest, TwoAtOnceAreRefused) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  auto first = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  const absl::Status second = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  first.reset();
  EXPECT_TRUE(SnapshotDownload::Start(&env_, dirs.get(), snapshot_).ok());
}

TEST_F(SnapshotTest, AnInterruptedDownloadGoesOnWithTheFilesItHas) {
  {
    auto dirs = StateDirectories::Open(&env_, "data").value();
    auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
    ASSERT_TRUE(Fetch(*download, 8).ok());
    EXPECT_EQ(*download->next(), (SnapshotPosition{1, kChunk}));
  }
  auto dirs = StateDirectories::Open(&env_, "data").value();
  ASSERT_EQ(WhatToDo(dirs->incoming(), kCluster, Slot(5)), IncomingAction::kResume);
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  EXPECT_EQ(*download->next(), (SnapshotPosition{1, 0}));
  ASSERT_TRUE(Fetch(*download).ok());
  download.reset();
  // Meanwhile one of the whole files rots.
  env_.Contents("data/state-2/000012.sst")[100] ^= 1;
  download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  EXPECT_EQ(*download->next(), (SnapshotPosition{0, 0}));
  ASSERT_TRUE(Fetch(*download, 7).ok());
  EXPECT_EQ(download->next(), std::nullopt) << "the others are still right";
  ASSERT_TRUE(download->Finish().ok());
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
}

TEST_F(SnapshotTest, AReadingOfTheFilesThatAreThereEndsWhenItIsCancelled) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  ASSERT_TRUE(Fetch(*SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value()).ok());
  int asked = 0;
  const auto cancelled = [&asked] { return ++asked == 2; };
  EXPECT_TRUE(
      absl::IsCancelled(SnapshotDownload::Start(&env_, dirs.get(), snapshot_, cancelled).status()));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value()->next(), std::nullopt);
}

TEST_F(SnapshotTest, AnotherSnapshotTakesAnUnfinishedOnesPlace) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  ASSERT_TRUE(Fetch(*SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value(), 8).ok());
  SnapshotDescriptor newer = snapshot_;
  newer.slot = Slot(91);
  EXPECT_NE(newer.id(), snapshot_.id());
  auto download = SnapshotDownload::Start(&env_, dirs.get(), newer).value();
  EXPECT_EQ(*download->next(), (SnapshotPosition{0, 0}));
  EXPECT_TRUE(ReadFiles(env_, dirs->incoming_dir()).empty());
}

TEST_F(SnapshotTest, ACompleteSnapshotThatIsBegunAgainCountsNoMore) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  ASSERT_TRUE(Fetch(*download).ok());
  ASSERT_TRUE(download->Finish().ok());
  download.reset();
  env_.Contents("data/state-2/000012.sst")[100] ^= 1;
  download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  EXPECT_EQ(*download->next(), (SnapshotPosition{0, 0}));
  download.reset();
  dirs = StateDirectories::Open(&env_, "data").value();
  EXPECT_EQ(WhatToDo(dirs->incoming(), kCluster, Slot(5)), IncomingAction::kResume);
}

TEST_F(SnapshotTest, WhatAStartDoes) {
  const auto action = [&](bool complete, uint64_t applied, ClusterId cluster = kCluster) {
    return WhatToDo(IncomingSnapshot{snapshot_, complete}, cluster, Slot(applied));
  };
  EXPECT_EQ(WhatToDo(std::nullopt, kCluster, Slot(5)), IncomingAction::kNothing);
  EXPECT_EQ(action(false, 89), IncomingAction::kResume);
  EXPECT_EQ(action(true, 89), IncomingAction::kInstall);
  EXPECT_EQ(action(true, 90), IncomingAction::kDiscard) << "never back in time";
  EXPECT_EQ(action(false, 91), IncomingAction::kDiscard);
  EXPECT_EQ(action(true, 5, ClusterId(8)), IncomingAction::kDiscard);
}

TEST_F(SnapshotTest, ADamagedOrMissingControlFileIsRefused) {
  ASSERT_TRUE(StartAndInstall(env_).ok());
  std::string& control = env_.Contents("data/state-control");
  for (size_t at = 0; at < control.size(); ++at) {
    control[at] ^= 1;
    const absl::Status status = StateDirectories::Open(&env_, "data").status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << at << ": " << status;
    control[at] ^= 1;
  }
  EXPECT_TRUE(StateDirectories::Open(&env_, "data").ok());
  ASSERT_TRUE(env_.Remove("data/state-control").ok());
  EXPECT_TRUE(absl::IsDataLoss(StateDirectories::Open(&env_, "data").status()));
  EXPECT_EQ(ReadFiles(env_, "data/state-2"), files_) << "nothing was removed";
}

TEST_F(SnapshotTest, AFullDiskInterruptsAndLosesNothing) {
  auto dirs = StateDirectories::Open(&env_, "data").value();
  auto download = SnapshotDownload::Start(&env_, dirs.get(), snapshot_).value();
  ASSERT_TRUE(Fetch(*download, 7).ok());
  env_.SetFull(true);
  EXPECT_TRUE(absl::IsResourceExhausted(Fetch(*download)));
  env_.SetFull(false);
  EXPECT_EQ(*download->next(), (SnapshotPosition{1, 0}));
  ASSERT_TRUE(Fetch(*download).ok());
  ASSERT_TRUE(download->Finish().ok());
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(ReadFiles(env_, dirs->current()), files_);
}

// Crashed at every operation of download and installation, and the restart at every one of its own.
TEST_F(SnapshotTest, ACrashAnywhereLeavesTheOldStateOrTheNewOne) {
  int interrupted = 0;
  bool finished = false;
  for (uint64_t point = 1; !finished; ++point) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(testing::Message() << "operation " << point << ", seed " << seed);
      const auto env = env_.Clone();
      Random random(seed);
      for (const uint64_t fail : {point, 1 + random.Below(40), uint64_t{1} << 40}) {
        env->FailFrom(fail);
        const absl::Status status = StartAndInstall(*env);
        interrupted += !status.ok();
        finished = finished || (fail == point && status.ok());
        if (random.Chance(0.5)) {
          env->KillProcess();
        } else {
          env->LosePower(random);
        }
      }
      ASSERT_TRUE(StartAndInstall(*env).ok());
      EXPECT_EQ(ReadFiles(*env, StateDirectories::Open(env.get(), "data").value()->current()),
                files_);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(interrupted, 6 * 60);
}

}  // namespace
}  // namespace synod::storage
