// A snapshot takes the place of a state, and the process dies at every point of it: from the last
// byte that has come in to the last file of the old state that is removed. So does the start that
// finishes it. What is left is opened the way a node does.
//
// The engines are real ones, so a death is a copy of the directory: what kill -9 leaves. What a
// loss of power leaves of each file is tried where no engine is needed (storage/snapshot_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/kv/command.h"
#include "services/node/apply_thread.h"
#include "services/node/data_dir.h"
#include "services/node/log_thread.h"
#include "services/node/snapshot_fetch.h"
#include "services/storage/snapshot_download.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/node/manual_clock.h"

namespace synod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ClusterId kCluster(0xc1);
constexpr NodeId kSelf(1);
const paxos::Ballot kOldBallot{1, NodeId(2)};
const paxos::Ballot kBallot{2, NodeId(3)};
const paxos::Configuration kMembers =
    paxos::Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});

// The node's state and its log before: what is flushed, what is applied, and votes behind it, one
// of them for a value that was not chosen in the end. Two are behind the snapshot too.
constexpr Slot kDurable(3);
constexpr Slot kApplied(5);
constexpr Slot kLastVote(8);
constexpr Slot kStaleVote(7);
constexpr Slot kSnapshot(10);
const std::vector<uint64_t> kVotesBehind = {11, 12};

// The operating system's files, never synced: no power is lost here. Calls `before_change` before
// everything that changes one, or would sync it.
class WatchedEnv final : public storage::Env {
 public:
  std::function<void()> before_change = [] {};

  absl::StatusOr<std::unique_ptr<storage::File>> Open(const std::string& path) override {
    return Watched(posix_->Open(path));
  }
  absl::StatusOr<std::unique_ptr<storage::File>> CreateZeroed(const std::string& path,
                                                              uint64_t size) override {
    before_change();
    return Watched(posix_->CreateZeroed(path, size));
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Change([&] { return posix_->Rename(from, to); });
  }
  absl::Status Remove(const std::string& path) override {
    return Change([&] { return posix_->Remove(path); });
  }
  absl::Status SyncDir(const std::string&) override {
    return Change([] { return absl::OkStatus(); });
  }
  absl::Status CreateDirs(const std::string& dir) override {
    return Change([&] { return posix_->CreateDirs(dir); });
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    return posix_->List(dir);
  }
  absl::StatusOr<std::unique_ptr<storage::FileLock>> Lock(const std::string& path) override {
    return posix_->Lock(path);
  }

 private:
  class WatchedFile final : public storage::File {
   public:
    WatchedFile(WatchedEnv* env, std::unique_ptr<storage::File> file)
        : env_(env), file_(std::move(file)) {}
    absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
      return env_->Change([&] { return file_->WriteAt(offset, data); });
    }
    absl::Status Sync() override {
      return env_->Change([] { return absl::OkStatus(); });
    }
    absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const override {
      return file_->ReadAt(offset, size);
    }
    absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }

   private:
    WatchedEnv* const env_;
    const std::unique_ptr<storage::File> file_;
  };

  absl::Status Change(const std::function<absl::Status()>& change) {
    before_change();
    return change();
  }
  absl::StatusOr<std::unique_ptr<storage::File>> Watched(
      absl::StatusOr<std::unique_ptr<storage::File>> file) {
    if (!file.ok()) return file.status();
    return std::make_unique<WatchedFile>(this, *std::move(file));
  }

  storage::Env* const posix_ = storage::Env::Posix();
};

// The engine may be removing files that it needs no more.
void CopyTree(const fs::path& from, const fs::path& to) {
  fs::create_directory(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path copy = to / entry.path().filename();
    std::error_code gone;
    if (entry.is_directory()) {
      CopyTree(entry.path(), copy);
    } else {
      fs::copy_file(entry.path(), copy, gone);
    }
  }
}

std::string ValueOf(Slot slot) {
  return absl::StrCat("value ", slot.value());
}

void Apply(State& state, Slot through) {
  const std::string members = paxos::ConfigurationHistory(kMembers).Encode();
  for (Slot slot = state.machine->applied().next(); slot <= through; ++slot) {
    kv::PutRequest put;
    put.key = absl::StrCat("key", slot.value());
    put.value = ValueOf(slot);
    const std::string command = kv::EncodeCommand(put);
    ASSERT_TRUE(state.machine->Apply({{kv::SlotCommands{slot, {command}, members}}}).ok());
  }
}

// The slots through `applied`, and nothing else.
void ExpectWhole(const State& state, Slot applied) {
  const auto view = state.machine->View();
  kv::RangeRequest all;
  all.key = "key";
  all.range_end = "kez";
  const auto found = view->Range(all);
  ASSERT_EQ(found.error, kv::Error::kNone);
  EXPECT_EQ(found.response.kvs.size(), applied.value());
  for (const auto& kv : found.response.kvs) EXPECT_EQ("key" + kv.value.substr(6), kv.key);
}

DataDir::Options OptionsFor(const std::string& path, storage::Env* env) {
  DataDir::Options options{path, kCluster, kSelf, kMembers, 7};
  options.env = env;
  options.log.segment_bytes = 16 << 10;
  options.log.spare_segments = 0;  // no thread beside the one that dies
  return options;
}

std::vector<uint64_t> SlotsOf(const std::vector<paxos::AcceptedValue>& values) {
  std::vector<uint64_t> slots;
  for (const auto& value : values) slots.push_back(value.slot.value());
  return slots;
}

class InstallCrashTest : public ::testing::Test {
 protected:
  // Copies `dir` as it is before every change from now on.
  void DieBeforeEveryChangeOf(const std::string& dir) {
    env_.before_change = [this, dir] { Die(dir); };
  }
  void Die(const std::string& dir) {
    deaths_.push_back(dir_ / absl::StrCat("death-", ++died_));
    CopyTree(dir, deaths_.back());
  }
  std::vector<std::string> EndOfDying(const std::string& dir) {
    env_.before_change = [] {};
    Die(dir);
    return std::exchange(deaths_, {});
  }

  void MakeOldState(DataDir& node) {
    State& state = *node.state()->Get();
    Apply(state, kDurable);
    ASSERT_TRUE(state.engine->Flush().ok());
    Apply(state, kApplied);
    std::vector<paxos::Record> records = {{kGroup, paxos::PromiseRecord{kBallot}},
                                          {kGroup, paxos::FoundedRecord{}}};
    const auto vote = [&](Slot slot, paxos::Ballot ballot) {
      const std::string payload = slot == kStaleVote ? "not chosen" : ValueOf(slot);
      records.push_back({kGroup, paxos::AcceptedRecord{slot, ballot,
                                                       paxos::Value::OfCommands(
                                                           {{{NodeId(2), slot.value()}, payload}}),
                                                       std::min(slot, kApplied)}});
    };
    for (Slot slot(1); slot <= kLastVote; ++slot) vote(slot, kOldBallot);
    for (const uint64_t slot : kVotesBehind) vote(Slot(slot), kBallot);
    ASSERT_TRUE(node.log()->Append(records).ok());
    ASSERT_TRUE(node.log()->Sync().ok());
  }

  // Another member's state, whole, where the node's snapshots come in.
  void BringSnapshot(storage::StateDirectories& directories) {
    {
      const auto giver = *OpenState(dir_ / "giver");
      Apply(*giver, kSnapshot);
      ASSERT_TRUE(giver->engine->Flush().ok());
      ASSERT_TRUE(giver->engine->Checkpoint(dir_ / "snapshot").ok());
    }
    descriptor_ = *storage::DescribeSnapshot(&env_, dir_ / "snapshot", kCluster, kSnapshot);
    ASSERT_TRUE(directories.Begin(descriptor_).ok());
    fs::remove_all(directories.incoming_dir());
    fs::rename(dir_ / "snapshot", directories.incoming_dir());
  }

  // What Node does with it.
  void FinishAndInstall(DataDir& node) {
    const auto fatal = [](absl::string_view what, const absl::Status& why) {
      ADD_FAILURE() << what << ": " << why;
    };
    ApplyThread::Outlets applied;
    applied.applied = [](Slot, ApplyThread::Results) {};
    applied.configured = [](const paxos::ConfigurationHistory&, Slot) {};
    applied.durable = [](Slot) {};
    applied.flush = [] {};
    applied.fatal = fatal;
    ApplyThread apply({.self = kSelf}, node.state(), paxos::ConfigurationHistory(kMembers),
                      &metrics_, &clock_, applied);
    LogThread::Outlets logged;
    logged.fatal = fatal;
    LogThread log(node.log(), &metrics_, &clock_, logged);
    SnapshotFetch fetch(kCluster, kSelf,
                        {node.state_directories(), node.state(), &log_, &clock_, fatal},
                        {[&log](Slot slot) {
                           absl::Notification cut;
                           log.CutDurably(kGroup, slot, [&cut] { cut.Notify(); });
                           cut.WaitForNotification();
                           return absl::OkStatus();
                         },
                         [&apply](std::shared_ptr<State> state, const auto& cut_log) {
                           return apply.Install(std::move(state), cut_log);
                         }});
    {
      const auto download =
          *storage::SnapshotDownload::Start(&env_, node.state_directories(), descriptor_);
      ASSERT_FALSE(download->next());
      ASSERT_TRUE(download->Finish().ok());
    }
    const auto installed = fetch.Fetch("nobody is asked", kSnapshot);
    ASSERT_TRUE(installed.ok()) << installed.status();
  }

  // The node's start out of what a death left, and one more. The slot of its state.
  Slot StartAfter(const std::string& death, bool* finished_installing) {
    Slot applied = Start(death, finished_installing);
    bool again = false;
    EXPECT_EQ(Start(death, &again), applied);
    EXPECT_FALSE(again);
    return applied;
  }

  Slot Start(const std::string& death, bool* finished_installing) {
    const auto opened = DataDir::Open(OptionsFor(death, &env_));
    if (!opened.ok()) {
      ADD_FAILURE() << opened.status();
      return Slot();
    }
    DataDir& node = **opened;
    *finished_installing = !node.remarks().empty();
    if (*finished_installing) {
      EXPECT_THAT(node.remarks(), ElementsAre(HasSubstr("installed: the last stop came in")));
    }
    const Slot applied = node.state()->Get()->machine->applied();
    ExpectWhole(*node.state()->Get(), applied);
    const paxos::RecoveredState recovered = node.TakeRecovered();
    EXPECT_EQ(recovered.promised, kBallot);
    EXPECT_TRUE(recovered.founded);
    EXPECT_EQ(recovered.configurations.size(), 1);
    if (applied == kSnapshot) {
      EXPECT_FALSE(node.state_directories()->incoming());
      EXPECT_FALSE(fs::exists(node.state_directories()->incoming_dir()));
      EXPECT_EQ(recovered.vote_floor, kSnapshot);
      EXPECT_THAT(recovered.chosen, IsEmpty());
      EXPECT_EQ(SlotsOf(recovered.accepted), kVotesBehind);
      EXPECT_TRUE(
          absl::IsOutOfRange(node.log()->ReadValues(kGroup, kStaleVote, kStaleVote, 1000).status()))
          << "the stale vote can be taught";
    } else {
      EXPECT_EQ(applied, kDurable);
      EXPECT_EQ(recovered.vote_floor, Slot()) << "cut above a state that stays";
      EXPECT_EQ(recovered.chosen.size(), kApplied - kDurable);
      EXPECT_THAT(SlotsOf(recovered.accepted), ElementsAre(6, 7, 8, 11, 12));
    }
    return applied;
  }

  const testing::TempDir dir_;
  const ManualClock clock_;
  Log log_{{}, &clock_, [](absl::string_view) {}};
  NodeMetrics metrics_;
  WatchedEnv env_;
  storage::SnapshotDescriptor descriptor_;
  std::vector<std::string> deaths_;
  int died_ = 0;
};

TEST_F(InstallCrashTest, LeavesTheOldStateOrTheNewOneAndEveryVote) {
  std::vector<std::string> deaths;
  {
    const auto node = *DataDir::Open(OptionsFor(dir_ / "node", &env_));
    MakeOldState(*node);
    BringSnapshot(*node->state_directories());
    DieBeforeEveryChangeOf(dir_ / "node");
    FinishAndInstall(*node);
    deaths = EndOfDying(dir_ / "node");
  }
  ASSERT_FALSE(HasFatalFailure());

  Slot reached = kDurable;
  std::vector<std::string> finished;  // copies of the deaths after which a start had to finish
  int kept = 0;
  for (const std::string& death : deaths) {
    SCOPED_TRACE(death);
    const std::string copy = death + "-again";
    CopyTree(death, copy);
    bool finishes = false;
    const Slot applied = StartAfter(death, &finishes);
    EXPECT_GE(applied, reached) << "back to the old state";
    reached = applied;
    kept += applied == kDurable;
    if (finishes) finished.push_back(copy);
    if (HasFailure()) return;
  }
  EXPECT_EQ(reached, kSnapshot);
  EXPECT_GE(kept, 3) << "nobody died before the snapshot was complete";
  ASSERT_GE(finished.size(), 5) << "nobody died between completion and exchange";

  // Complete but the log not cut; cut but the directories not exchanged.
  for (const std::string& left : {finished.front(), finished.back()}) {
    DieBeforeEveryChangeOf(left);
    { const auto node = *DataDir::Open(OptionsFor(left, &env_)); }
    for (const std::string& death : EndOfDying(left)) {
      SCOPED_TRACE(death);
      bool finishes = false;
      EXPECT_EQ(Start(death, &finishes), kSnapshot);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace synod::node
