// The simulated disk: what crashes, errors and damage leave of what was written.
#include "tests/sim/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace synod::sim {
namespace {

using testing::IsEmpty;
using testing::Not;

// A write that was synced survives every crash; one that was not, some.
TEST(DiskTest, LosesOnlyWhatNoSyncCovers) {
  int kept = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Coverage coverage;
    Disk disk(Random(seed), coverage);
    ASSERT_TRUE(disk.CreateDirs("d").ok());
    auto file = disk.CreateZeroed("d/f", 1024).value();
    ASSERT_TRUE(file->WriteAt(0, "synced").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(disk.SyncDir("d").ok());
    disk.Settle();
    ASSERT_TRUE(file->WriteAt(512, "not").ok());
    ASSERT_TRUE(disk.CreateZeroed("d/g", 1).ok());
    disk.LosePower();
    file = disk.Open("d/f").value();
    EXPECT_EQ(file->ReadAt(0, 6).value(), "synced");
    kept += file->ReadAt(512, 3).value() == "not" ? 1 : 0;
  }
  EXPECT_GT(kept, 0);
  EXPECT_LT(kept, 100);
}

TEST(DiskTest, AKilledProcessLosesNothingThatSettled) {
  Coverage coverage;
  Disk disk(Random(1), coverage);
  ASSERT_TRUE(disk.CreateDirs("d").ok());
  ASSERT_TRUE(disk.CreateZeroed("d/f", 8).value()->WriteAt(0, "kept").ok());
  disk.Settle();
  disk.KillProcess();
  EXPECT_EQ(disk.Open("d/f").value()->ReadAt(0, 4).value(), "kept");
}

TEST(DiskTest, ASyncThatHasNotSettledPromisesNothing) {
  int lost = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Coverage coverage;
    Disk disk(Random(seed), coverage);
    ASSERT_TRUE(disk.CreateDirs("d").ok());
    ASSERT_TRUE(disk.CreateZeroed("d/f", 8).value()->Sync().ok());
    ASSERT_TRUE(disk.SyncDir("d").ok());
    disk.LosePower();
    lost += disk.Open("d/f").ok() ? 0 : 1;
  }
  EXPECT_GT(lost, 0);
}

// A directory as the acceptor log's: an old segment, a new one, two copies of the manifest.
class DamageTest : public testing::Test {
 protected:
  DamageTest() { Fill(disk_); }

  static void Fill(Disk& disk) {
    EXPECT_TRUE(disk.CreateDirs("log").ok());
    for (const char* path :
         {"log/segment-1.log", "log/segment-2.log", "log/manifest-a", "log/manifest-b"}) {
      auto file = disk.CreateZeroed(path, 16 * kDiskSector).value();
      for (int i = 0; i < 16; ++i) {
        EXPECT_TRUE(file->WriteAt(i * kDiskSector, Written(i)).ok());
      }
      EXPECT_TRUE(file->Sync().ok());
    }
    EXPECT_TRUE(disk.SyncDir("log").ok());
    disk.Settle();
  }

  static std::string Written(int sector) {
    return std::string(kDiskSector, static_cast<char>('a' + sector));
  }
  // Sectors of the file that are not as written; -1 when it is gone.
  int Wrong(const std::string& path) { return Wrong(disk_, path); }
  static int Wrong(Disk& disk, const std::string& path) {
    auto file = disk.Open(path);
    if (!file.ok()) return -1;
    int wrong = 0;
    for (int i = 0; i < 16; ++i) {
      const auto bytes = (*file)->ReadAt(i * kDiskSector, kDiskSector);
      wrong += bytes.ok() && *bytes == Written(i) ? 0 : 1;
    }
    return wrong;
  }

  Coverage coverage_;
  Disk disk_{Random(1), coverage_};
};

TEST_F(DamageTest, EveryKindHitsSomethingThatACrashDoesNotHeal) {
  for (int kind = 0; kind < kDamages; ++kind) {
    const auto damage = static_cast<Damage>(kind);
    Disk disk(Random(1), coverage_);
    Fill(disk);
    const std::string where = disk.Strike(damage, "log", Random(7));
    ASSERT_THAT(where, Not(IsEmpty())) << kind;
    disk.LosePower();
    const std::string path = where.substr(0, where.find('@'));
    EXPECT_NE(Wrong(disk, path), 0) << kind << " at " << where;
    // The first read of a misread sector was wrong; the next is right.
    if (damage == Damage::kMisread) {
      EXPECT_EQ(Wrong(disk, path), 0);
    }
  }
}

TEST_F(DamageTest, SparesTheNewestWritesAndOneManifest) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    disk_.Strike(static_cast<Damage>(seed % kDamages), "log", Random(seed));
  }
  EXPECT_TRUE(Wrong("log/manifest-a") == 0 || Wrong("log/manifest-b") == 0);
  const auto newest = disk_.Open("log/segment-2.log").value();
  EXPECT_EQ(newest->ReadAt(14 * kDiskSector, kDiskSector).value(), Written(14));
  EXPECT_EQ(newest->ReadAt(15 * kDiskSector, kDiskSector).value(), Written(15));
  EXPECT_NE(Wrong("log/segment-1.log"), 0);
}

TEST_F(DamageTest, WritingASectorMakesItReadableAgain) {
  const std::string where = disk_.Strike(Damage::kUnreadable, "log", Random(3));
  ASSERT_THAT(where, Not(IsEmpty()));
  const size_t at = where.find('@');
  auto file = disk_.Open(where.substr(0, at)).value();
  const auto offset = std::stoull(where.substr(at + 1));
  EXPECT_FALSE(file->ReadAt(0, 16 * kDiskSector).ok());
  ASSERT_TRUE(file->WriteAt(offset, std::string(kDiskSector, 'z')).ok());
  EXPECT_TRUE(file->ReadAt(0, 16 * kDiskSector).ok());
}

TEST(DiskTest, WhatAFailedSyncShouldHaveCoveredNoLaterSyncCovers) {
  int lost = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Coverage coverage;
    Disk disk(Random(seed), coverage);
    ASSERT_TRUE(disk.CreateDirs("d").ok());
    auto file = disk.CreateZeroed("d/f", 8).value();
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(disk.SyncDir("d").ok());
    ASSERT_TRUE(file->WriteAt(0, "new").ok());
    disk.SetTrouble(Disk::Trouble::kSyncsFail);
    EXPECT_FALSE(file->Sync().ok());
    disk.SetTrouble(Disk::Trouble::kNone);
    EXPECT_TRUE(file->Sync().ok());
    disk.Settle();
    disk.KillProcess();
    EXPECT_EQ(disk.Open("d/f").value()->ReadAt(0, 3).value(), "new") << "the page cache has it";
    disk.LosePower();
    lost += disk.Open("d/f").value()->ReadAt(0, 3).value() == "new" ? 0 : 1;
  }
  EXPECT_GT(lost, 0);
}

TEST(DiskTest, AFullDiskTakesNothingNewAndLetsTheOldBeChanged) {
  Coverage coverage;
  Disk disk(Random(1), coverage);
  ASSERT_TRUE(disk.CreateDirs("d").ok());
  auto file = disk.CreateZeroed("d/f", 8).value();
  disk.SetTrouble(Disk::Trouble::kFull);
  EXPECT_TRUE(file->WriteAt(0, "12345678").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(file->WriteAt(1, "12345678")));
  EXPECT_TRUE(absl::IsResourceExhausted(disk.CreateZeroed("d/g", 8).status()));
  EXPECT_EQ(file->ReadAt(0, 8).value(), "12345678");
}

}  // namespace
}  // namespace synod::sim
