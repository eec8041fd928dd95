// What only the RocksDB engine can get wrong: opening and damage.
#include "services/storage/rocksdb_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/temp_dir.h"

namespace synod::storage {
namespace {

using ::testing::HasSubstr;

class RocksdbEngineTest : public ::testing::Test {
 protected:
  RocksdbEngineOptions Options() const { return {dir_ / "engine", 1 << 20, 64 << 10}; }

  testing::TempDir dir_;
};

TEST_F(RocksdbEngineTest, DefragmentEndsWhenItIsCancelled) {
  const auto engine = OpenRocksdbEngine(Options()).value();
  std::atomic<bool> cancel{true};
  EXPECT_EQ(engine->Defragment(&cancel).code(), absl::StatusCode::kCancelled);
}

TEST_F(RocksdbEngineTest, AVerificationReadsEveryTableUnlessItIsCancelled) {
  constexpr int kTables = 3;
  for (int i = 0; i < kTables; ++i) {
    const auto engine = OpenRocksdbEngine(Options()).value();
    const auto batch = engine->NewBatch();
    batch->Put(Column::kCurrent, absl::StrCat("key", i), "value");
    ASSERT_TRUE(engine->Write(*batch).ok() && engine->Flush().ok());
  }
  RocksdbEngineOptions options = Options();
  options.verify = true;
  int asked = 0;
  options.cancelled = [&asked] { return ++asked > kTables; };
  EXPECT_TRUE(OpenRocksdbEngine(options).ok());
  EXPECT_EQ(asked, kTables);
  asked = kTables - 1;
  EXPECT_EQ(OpenRocksdbEngine(options).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, kTables + 1);
}

TEST_F(RocksdbEngineTest, TwoOwnersOfOneDirectoryAreRefused) {
  const auto engine = OpenRocksdbEngine(Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  const absl::Status second = OpenRocksdbEngine(Options()).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr(Options().dir));
}

TEST_F(RocksdbEngineTest, AFileInTheWayIsAClearError) {
  std::ofstream(dir_ / "engine") << "not a directory";
  const absl::Status status = OpenRocksdbEngine(Options()).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(Options().dir));
}

TEST_F(RocksdbEngineTest, DamagedDataIsDataLossNotAWrongAnswer) {
  {
    const auto engine = OpenRocksdbEngine(Options()).value();
    const auto batch = engine->NewBatch();
    for (int i = 0; i < 100; ++i) {
      batch->Put(Column::kCurrent, absl::StrCat("key", i), std::string(500, 'v'));
    }
    ASSERT_TRUE(engine->Write(*batch).ok());
    ASSERT_TRUE(engine->Flush().ok());
  }
  for (const auto& entry : std::filesystem::directory_iterator(Options().dir)) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2000);
    file.put('#');
  }
  const auto engine = OpenRocksdbEngine(Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  int lost = 0;
  for (int i = 0; i < 100; ++i) {
    std::string value;
    const auto found = (*engine)->Get(Column::kCurrent, absl::StrCat("key", i), &value);
    if (found.ok()) {
      EXPECT_TRUE(*found);
      EXPECT_EQ(value, std::string(500, 'v'));
    } else {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
      ++lost;
    }
  }
  EXPECT_GT(lost, 0);
  const auto it = (*engine)->NewIterator(Column::kCurrent, "", "");
  for (it->SeekToFirst(); it->Valid(); it->Next()) EXPECT_EQ(it->value(), std::string(500, 'v'));
  EXPECT_EQ(it->status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace synod::storage
