// A node whose disk fills up: writes stop before the node does, everything else goes on, and with
// room and the alarm disarmed all is as before. The small disk is a tmpfs in a mount namespace of
// the test's own, which takes root.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/support/await.h"
#include "tests/support/http_get.h"

namespace synod::e2e {
namespace {

namespace fs = std::filesystem;
namespace pb = etcdserverpb;

constexpr uint64_t kMiB = 1 << 20;
// A segment of the log, a flush of the engine and a compaction must fit into the reserve.
constexpr uint64_t kReserveBytes = 256 * kMiB;
constexpr uint64_t kDiskBytes = 768 * kMiB;
constexpr uint64_t kRoomForWritesBytes = 64 * kMiB;
constexpr absl::Duration kLimit = absl::Seconds(20);
constexpr char kSpaceExceeded[] = "etcdserver: mvcc: database space exceeded";

// False when this user may not mount. Only this thread, and the processes it starts, see what it
// mounts from now on.
bool OwnMounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// A disk of kDiskBytes with what `path` held until now.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    const std::string before = path + ".before";
    fs::rename(path, before);
    fs::create_directory(path);
    const std::string size = absl::StrCat("size=", kDiskBytes);
    SYNOD_CHECK(mount("small", path.c_str(), "tmpfs", 0, size.c_str()) == 0) << strerror(errno);
    fs::copy(before, path, fs::copy_options::recursive);
    fs::remove_all(before);
  }
  ~SmallDisk() { umount2(path_.c_str(), MNT_DETACH); }

  uint64_t free_bytes() const { return fs::space(path_).available; }

  // Takes all but so much.
  void LeaveFree(uint64_t bytes) {
    const int file = open(ballast().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const auto size = static_cast<off_t>(free_bytes() - bytes);
    SYNOD_CHECK(file >= 0 && posix_fallocate(file, 0, size) == 0) << path_;
    close(file);
  }
  void GiveBack() { fs::remove(ballast()); }

 private:
  std::string ballast() const { return path_ + "/ballast"; }

  const std::string path_;
};

// Writes values of 256 KiB and remembers those that were acknowledged.
class Writes {
 public:
  explicit Writes(const std::string& address) : client_(address) {}

  grpc::Status PutNext() {
    const std::string key = absl::StrCat("key", next_++);
    const grpc::Status status = client_.Put(key, ValueOf(key), kLimit);
    if (status.ok()) acknowledged_.push_back(key);
    return status;
  }

  // Everything acknowledged, and nothing that was refused.
  void ExpectAll() {
    pb::RangeResponse all;
    for (const std::string& key : acknowledged_) {
      const grpc::Status status = client_.Get(key, Read::kLinearizable, kLimit, &all);
      ASSERT_TRUE(status.ok()) << status.error_message();
      ASSERT_EQ(all.kvs_size(), 1) << key;
      ASSERT_TRUE(all.kvs(0).value() == ValueOf(key)) << key;
    }
  }

  size_t count() const { return acknowledged_.size(); }

 private:
  static std::string ValueOf(const std::string& key) {
    std::string value;
    while (value.size() < 256 << 10) value += key;
    return value;
  }

  Client client_;
  int next_ = 0;
  std::vector<std::string> acknowledged_;
};

std::string Text(const grpc::Status& status) {
  return absl::StrCat(status.error_code(), " ", status.error_message());
}

std::vector<std::string> Errors(const std::string& address) {
  pb::StatusResponse status;
  const grpc::Status result = Client(address).MemberStatus(kLimit, &status);
  EXPECT_TRUE(result.ok()) << result.error_message();
  return {status.errors().begin(), status.errors().end()};
}

TEST(FullDiskTest, WritesStopReadsGoOnAndNothingIsLost) {
  if (!OwnMounts()) GTEST_SKIP() << "no disk filled: only root may mount one";
  Cluster cluster({.node_flags = {absl::StrCat("--disk-reserve-bytes=", kReserveBytes)}});
  const std::string small = cluster.node_address(1);
  cluster.KillNode(1);
  SmallDisk disk(cluster.data_dir(1));
  cluster.StartNode(1);
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  disk.LeaveFree(kReserveBytes + kRoomForWritesBytes);

  Writes writes(cluster.front_door());
  grpc::Status refused;
  while (refused.ok() && writes.count() < 2000) refused = writes.PutNext();
  ASSERT_EQ(Text(refused), absl::StrCat("8 ", kSpaceExceeded)) << writes.count();
  EXPECT_GT(writes.count(), 10u);

  // Reads everywhere, deletes, and the node itself, even anew.
  pb::StatusResponse status;
  ASSERT_TRUE(Client(small).MemberStatus(kLimit, &status).ok()) << "the node has gone";
  const uint64_t member = status.header().member_id();
  const std::vector<std::string> alarm = {absl::StrCat("memberID:", member, " alarm:NOSPACE ")};
  EXPECT_TRUE(testing::Await(kLimit, [&] { return Errors(small) == alarm; }));
  const testing::HttpAnswer health = testing::HttpGet(cluster.metrics_address(1), "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.body, R"({"health":"false","reason":"ALARM NOSPACE"})");
  EXPECT_EQ(testing::HttpGet(cluster.metrics_address(1), "/health?exclude=NOSPACE").status, 200);
  cluster.KillNode(1);
  cluster.StartNode(1);
  writes.ExpectAll();
  pb::TxnRequest erase;
  erase.add_success()->mutable_request_delete_range()->set_key("nothing");
  pb::TxnResponse erased;
  EXPECT_EQ(Text(Client(cluster.front_door()).Txn(erase, kLimit, &erased)), "0 ");
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  EXPECT_TRUE(testing::Await(kLimit, [&] { return Errors(small) == alarm; }));
  EXPECT_EQ(Text(writes.PutNext()), absl::StrCat("8 ", kSpaceExceeded));

  // The operator's part.
  disk.GiveBack();
  ASSERT_GT(disk.free_bytes(), kReserveBytes);
  pb::AlarmResponse disarmed;
  ASSERT_EQ(Text(Client(cluster.front_door())
                     .Alarm(pb::AlarmRequest::DEACTIVATE, member, pb::NOSPACE, kLimit, &disarmed)),
            "0 ");
  EXPECT_EQ(disarmed.alarms_size(), 1);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Text(writes.PutNext()), "0 ");
  writes.ExpectAll();
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  EXPECT_TRUE(testing::Await(kLimit, [&] { return Errors(small).empty(); }));
}

// The same without a disk that is full: etcd's way back from a database over its quota.
TEST(QuotaTest, DeletingCompactingAndDefragmentingMakeRoom) {
  constexpr int64_t kQuotaBytes = 32 * kMiB;
  Cluster cluster({.node_flags = {absl::StrCat("--quota-backend-bytes=", kQuotaBytes)}});
  Client client(cluster.front_door());
  Writes writes(cluster.front_door());
  grpc::Status refused;
  while (refused.ok() && writes.count() < 1000) refused = writes.PutNext();
  ASSERT_EQ(Text(refused), absl::StrCat("8 ", kSpaceExceeded));

  pb::TxnRequest erase;
  auto* all = erase.add_success()->mutable_request_delete_range();
  all->set_key("key");
  all->set_range_end("kez");
  pb::TxnResponse erased;
  ASSERT_EQ(Text(client.Txn(erase, kLimit, &erased)), "0 ");
  ASSERT_EQ(Text(client.Compact(erased.header().revision(), kLimit)), "0 ");
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  for (int node = 1; node <= cluster.size(); ++node) {
    Client member(cluster.node_address(node));
    ASSERT_EQ(Text(member.Defragment(kLimit)), "0 ");
    EXPECT_TRUE(testing::Await(kLimit, [&] {
      pb::StatusResponse status;
      return member.MemberStatus(kLimit, &status).ok() && status.dbsize() < kQuotaBytes / 2;
    }));
  }

  pb::AlarmResponse alarms;
  ASSERT_EQ(Text(client.Alarm(pb::AlarmRequest::GET, 0, pb::NONE, kLimit, &alarms)), "0 ");
  EXPECT_GE(alarms.alarms_size(), 1);
  for (const pb::AlarmMember& alarm : alarms.alarms()) {
    pb::AlarmResponse disarmed;
    ASSERT_EQ(Text(client.Alarm(pb::AlarmRequest::DEACTIVATE, alarm.memberid(), alarm.alarm(),
                                kLimit, &disarmed)),
              "0 ");
  }
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Text(writes.PutNext()), "0 ");
}

}  // namespace
}  // namespace synod::e2e
