#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "services/storage/env.h"
#include "tests/support/temp_dir.h"

namespace synod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PosixEnvTest : public ::testing::Test {
 protected:
  testing::TempDir dir_;
  Env& env_ = *Env::Posix();
};

TEST_F(PosixEnvTest, CreateZeroedAllocatesItsBlocksAndReadsAsZero) {
  const uint64_t size = (3 << 20) + 5;
  const auto file = env_.CreateZeroed(dir_ / "f", size).value();
  EXPECT_EQ(file->Size().value(), size);
  EXPECT_EQ(file->ReadAt(0, size + 1).value(), std::string(size, '\0'));
  ASSERT_TRUE(file->Sync().ok());
  struct stat info;
  ASSERT_EQ(::stat((dir_ / "f").c_str(), &info), 0);
  EXPECT_GE(static_cast<uint64_t>(info.st_blocks) * 512, size) << "sparse: writes would allocate";
}

TEST_F(PosixEnvTest, CreateZeroedRefusesATakenPath) {
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "f", 1).ok());
  EXPECT_EQ(env_.CreateZeroed(dir_ / "f", 1).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(PosixEnvTest, AFileTooLargeForTheDiskIsRefusedAtOnceAndLeavesNothing) {
  EXPECT_FALSE(env_.CreateZeroed(dir_ / "f", uint64_t{1} << 50).ok());
  EXPECT_TRUE(absl::IsNotFound(env_.Open(dir_ / "f").status()));
}

TEST_F(PosixEnvTest, EmptyDirectoriesAreRemovedAndOthersAreNot) {
  ASSERT_TRUE(env_.CreateDirs(dir_ / "d").ok());
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "d/f", 1).ok());
  EXPECT_FALSE(env_.Remove(dir_ / "d").ok());
  ASSERT_TRUE(env_.Remove(dir_ / "d/f").ok());
  EXPECT_TRUE(env_.Remove(dir_ / "d").ok());
  EXPECT_TRUE(absl::IsNotFound(env_.List(dir_ / "d").status()));
}

TEST_F(PosixEnvTest, WritesReadBackAfterReopening) {
  {
    const auto file = env_.CreateZeroed(dir_ / "f", 10).value();
    ASSERT_TRUE(file->WriteAt(3, "abc").ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  const auto file = env_.Open(dir_ / "f").value();
  EXPECT_EQ(file->ReadAt(0, 10).value(), std::string("\0\0\0abc\0\0\0\0", 10));
  EXPECT_EQ(file->ReadAt(4, 100).value(), std::string("bc\0\0\0\0", 6));
  EXPECT_EQ(file->ReadAt(50, 1).value(), "");
}

TEST_F(PosixEnvTest, ErrorsNameThePathAndTheReason) {
  const absl::Status status = env_.Open(dir_ / "absent").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir_ / "absent"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("No such file"));
  EXPECT_EQ(env_.List(dir_ / "absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(env_.Remove(dir_ / "absent").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(env_.Rename(dir_ / "absent", dir_ / "x").code(), absl::StatusCode::kNotFound);
}

TEST_F(PosixEnvTest, RenameReplacesAndListIsSorted) {
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "b", 1).ok());
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "a", 2).ok());
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "c", 3).ok());
  EXPECT_THAT(env_.List(dir_.path()).value(), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(env_.Rename(dir_ / "c", dir_ / "a").ok());
  ASSERT_TRUE(env_.SyncDir(dir_.path()).ok());
  EXPECT_THAT(env_.List(dir_.path()).value(), ElementsAre("a", "b"));
  EXPECT_EQ(env_.Open(dir_ / "a").value()->Size().value(), 3);
}

TEST_F(PosixEnvTest, CreateDirsMakesParentsAndIsIdempotent) {
  ASSERT_TRUE(env_.CreateDirs(dir_ / "x/y/z").ok());
  ASSERT_TRUE(env_.CreateDirs(dir_ / "x/y/z").ok());
  ASSERT_TRUE(env_.CreateDirs(dir_ / "x/y/z/").ok());
  ASSERT_TRUE(env_.CreateZeroed(dir_ / "x/y/z/f", 1).ok());
  EXPECT_FALSE(env_.CreateDirs(dir_ / "x/y/z/f").ok());
  EXPECT_FALSE(env_.CreateDirs(dir_ / "x/y/z/f/deeper").ok());
}

TEST_F(PosixEnvTest, ASecondOwnerIsRefusedAndToldWhoHoldsTheLock) {
  auto lock = env_.Lock(dir_ / "LOCK");
  ASSERT_TRUE(lock.ok()) << lock.status();
  const absl::Status refused = env_.Lock(dir_ / "LOCK").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(std::to_string(::getpid())));
  lock->reset();
  EXPECT_TRUE(env_.Lock(dir_ / "LOCK").ok());
}

}  // namespace
}  // namespace synod::storage
