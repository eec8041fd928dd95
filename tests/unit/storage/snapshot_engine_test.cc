// Snapshots of real engines: from checkpoint to an engine that is opened on what was fetched.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "services/storage/memory_engine.h"
#include "services/storage/rocksdb_engine.h"
#include "services/storage/snapshot.h"
#include "services/storage/snapshot_download.h"
#include "services/storage/state_directories.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::storage {
namespace {

const ClusterId kCluster(7);

void Put(Engine& engine, const std::string& key, const std::string& value) {
  const auto batch = engine.NewBatch();
  batch->Put(Column::kCurrent, key, value);
  batch->Put(Column::kMeta, "newest", key);
  ASSERT_TRUE(engine.Write(*batch).ok());
}

std::string Get(const Engine& engine, Column column, const std::string& key) {
  std::string value;
  EXPECT_TRUE(engine.Get(column, key, &value).ok());
  return value;
}

void Fill(Engine& engine, int from, int through) {
  for (int i = from; i <= through; ++i) {
    Put(engine, "key" + std::to_string(i), std::string(1000, static_cast<char>('a' + i % 26)));
  }
}

// The whole way of a snapshot, into the state directories at `root`.
void Transfer(Env& from, const std::string& dir, Env& to, StateDirectories& dirs, Slot slot) {
  const auto snapshot = DescribeSnapshot(&from, dir, kCluster, slot).value();
  auto download = SnapshotDownload::Start(&to, &dirs, snapshot).value();
  while (const auto at = download->next()) {
    const auto chunk = ReadSnapshotChunk(&from, dir, snapshot, at->file, at->offset, 4096);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    const absl::Status status = download->Write(snapshot.id(), *at, *chunk);
    ASSERT_TRUE(status.ok()) << status;
  }
  ASSERT_TRUE(download->Finish().ok());
}

TEST(SnapshotEngineTest, RocksdbStartsFromAFetchedSnapshot) {
  testing::TempDir dir;
  auto giver = OpenRocksdbEngine({dir / "giver"}).value();
  Fill(*giver, 1, 200);
  ASSERT_TRUE(giver->Checkpoint(dir / "checkpoint").ok());
  Fill(*giver, 201, 250);  // not in it

  const std::string root = dir / "taker";
  auto dirs = StateDirectories::Open(Env::Posix(), root).value();
  auto engine = OpenRocksdbEngine({dirs->current()}).value();
  Fill(*engine, 900, 910);
  ASSERT_TRUE(engine->Flush().ok());
  Transfer(*Env::Posix(), dir / "checkpoint", *Env::Posix(), *dirs, Slot(200));
  engine.reset();
  ASSERT_TRUE(dirs->Install().ok());

  dirs = StateDirectories::Open(Env::Posix(), root).value();
  engine = OpenRocksdbEngine({dirs->current()}).value();
  EXPECT_EQ(Get(*engine, Column::kMeta, "newest"), "key200");
  EXPECT_EQ(Get(*engine, Column::kCurrent, "key77"), std::string(1000, 'a' + 77 % 26));
  EXPECT_EQ(Get(*engine, Column::kCurrent, "key905"), "") << "of the state before";
  Fill(*engine, 201, 210);
  ASSERT_TRUE(engine->Flush().ok());
  EXPECT_TRUE(absl::IsNotFound(Env::Posix()->List(dirs->incoming_dir()).status()));
  ASSERT_TRUE(RemoveDirectory(Env::Posix(), dir / "checkpoint").ok());
  EXPECT_TRUE(absl::IsNotFound(Env::Posix()->List(dir / "checkpoint").status()));
}

TEST(SnapshotEngineTest, TheMemoryEngineTakesTheSameWay) {
  FaultEnv from;
  auto giver = OpenMemoryEngine(std::make_shared<MemoryDisk>(&from), "state").value();
  Fill(*giver, 1, 30);
  ASSERT_TRUE(giver->Checkpoint("out").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(giver->Checkpoint("out")));

  FaultEnv env;
  const auto disk = std::make_shared<MemoryDisk>(&env);
  auto dirs = StateDirectories::Open(&env, "data").value();
  auto engine = OpenMemoryEngine(disk, dirs->current()).value();
  Fill(*engine, 900, 910);
  ASSERT_TRUE(engine->Flush().ok());
  Transfer(from, "out", env, *dirs, Slot(30));
  ASSERT_TRUE(dirs->Install().ok());
  engine = OpenMemoryEngine(disk, dirs->current()).value();
  EXPECT_EQ(Get(*engine, Column::kMeta, "newest"), "key30");
  EXPECT_EQ(Get(*engine, Column::kCurrent, "key905"), "");

  // What it stores from then on is newer than the file.
  Fill(*engine, 31, 40);
  ASSERT_TRUE(engine->Flush().ok());
  engine = OpenMemoryEngine(disk, dirs->current()).value();
  EXPECT_EQ(Get(*engine, Column::kMeta, "newest"), "key40");
  std::string durable;
  ASSERT_TRUE(engine->GetDurableMeta("newest", &durable).ok());
  EXPECT_EQ(durable, "key40");

  // Back into the directory that was used first, and there over what it held once.
  Fill(*giver, 31, 60);
  ASSERT_TRUE(giver->Checkpoint("out2").ok());
  Transfer(from, "out2", env, *dirs, Slot(60));
  ASSERT_TRUE(dirs->Install().ok());
  EXPECT_EQ(dirs->current(), "data/state");
  engine = OpenMemoryEngine(disk, dirs->current()).value();
  EXPECT_EQ(Get(*engine, Column::kMeta, "newest"), "key60");
  EXPECT_EQ(Get(*engine, Column::kCurrent, "key905"), "");
}

// A download's files are the right ones; what damages them later must not become a state.
TEST(SnapshotEngineTest, TheMemoryEngineRefusesDamagedFiles) {
  FaultEnv env;
  auto giver = OpenMemoryEngine(std::make_shared<MemoryDisk>(&env), "state").value();
  Fill(*giver, 1, 30);
  ASSERT_TRUE(giver->Checkpoint("whole").ok());
  EXPECT_TRUE(OpenMemoryEngine(std::make_shared<MemoryDisk>(&env), "whole").ok());
  const std::vector<std::string> names = env.List("whole").value();
  ASSERT_GT(names.size(), 2u) << "a checkpoint is of several files";

  for (const std::string& name : names) {
    const auto open = [&] {
      return OpenMemoryEngine(std::make_shared<MemoryDisk>(&env), "whole").status();
    };
    std::string& contents = env.Contents(absl::StrCat("whole/", name));
    const std::string right = contents;
    contents[right.size() / 2] ^= 1;
    EXPECT_TRUE(absl::IsDataLoss(open())) << name << ", a bit of it";
    contents = right.substr(0, right.size() / 2);
    EXPECT_TRUE(absl::IsDataLoss(open())) << name << ", its end";
    contents = right;
    ASSERT_TRUE(env.Remove(absl::StrCat("whole/", name)).ok());
    EXPECT_TRUE(absl::IsDataLoss(open())) << name << ", the file";
    auto again = env.CreateZeroed(absl::StrCat("whole/", name), 0).value();
    ASSERT_TRUE(again->WriteAt(0, right).ok());
    EXPECT_TRUE(open().ok());
  }
}

}  // namespace
}  // namespace synod::storage
