// Snapshots of real engines over real connections, installed by a real apply thread; the log is the
// test's.
#include "services/node/snapshot_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/kv/command.h"
#include "services/node/apply_thread.h"
#include "services/node/data_dir.h"
#include "services/node/snapshot_store.h"
#include "services/rpc/peer_transport.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/node/manual_clock.h"
#include "tests/unit/node/rot.h"

namespace synod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ClusterId kCluster(0xc1);
constexpr NodeId kGiver(1);
constexpr NodeId kTaker(2);
constexpr Slot kTaken(10);  // the slot of the giver's snapshot

const paxos::ConfigurationHistory kMembers(paxos::Configuration::OfVoters({NodeId(1), NodeId(2),
                                                                           NodeId(3)}));

// Puts one key in each slot through kTaken.
void Fill(State& state, size_t value_bytes) {
  const std::string members = kMembers.Encode();
  for (Slot slot = state.machine->applied().next(); slot <= kTaken; ++slot) {
    kv::PutRequest put;
    put.key = absl::StrCat("key", slot.value());
    put.value = std::string(value_bytes, 'v');
    const std::string command = kv::EncodeCommand(put);
    ASSERT_TRUE(state.machine->Apply({{kv::SlotCommands{slot, {command}, members}}}).ok());
  }
}

// Calls on_read before each read; an error of its is the read's.
class WatchedSource final : public rpc::SnapshotSource {
 public:
  using OnRead = std::function<absl::Status(uint32_t file, uint64_t offset)>;
  WatchedSource(std::shared_ptr<const SnapshotSource> source, OnRead on_read)
      : source_(std::move(source)), on_read_(std::move(on_read)) {}
  std::string descriptor() const override { return source_->descriptor(); }
  uint32_t files() const override { return source_->files(); }
  uint64_t FileBytes(uint32_t file) const override { return source_->FileBytes(file); }
  absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const override {
    if (auto status = on_read_(file, offset); !status.ok()) return status;
    return source_->Read(file, offset);
  }

 private:
  const std::shared_ptr<const SnapshotSource> source_;
  const OnRead on_read_;
};

// What a giver gives; as it should be unless a test wants it otherwise.
struct Gift {
  ClusterId cluster = kCluster;
  Slot said_slot = kTaken;
  size_t value_bytes = 1000;
  std::function<void(const std::string& dir)> on_made = [](const std::string&) {};
  WatchedSource::OnRead on_read = [](uint32_t, uint64_t) { return absl::OkStatus(); };
};

class Giver {
 public:
  Giver(std::string dir, const Gift& gift, const Clock* clock)
      : state_(*OpenState(dir + "/state")),
        store_(
            {dir + "/snapshots", gift.cluster}, storage::Env::Posix(),
            [this, gift](const std::string& to) -> absl::StatusOr<Slot> {
              if (auto status = state_->engine->Flush(); !status.ok()) return status;
              if (auto status = state_->engine->Checkpoint(to); !status.ok()) return status;
              gift.on_made(to);
              return gift.said_slot;
            },
            clock) {
    Fill(*state_, gift.value_bytes);
    rpc::PeerTransportOptions options;
    options.cluster = kCluster;
    options.self = kGiver;
    options.listen = "127.0.0.1:0";
    options.configuration_version = [] { return 1; };
    options.peer_introduced = [](NodeId, const rpc::PeerIntroduction&) {};
    options.link_changed = [](NodeId, const absl::Status&) {};
    options.open_snapshot = [this, on_read = gift.on_read](Slot at_least, uint64_t id)
        -> absl::StatusOr<std::shared_ptr<const rpc::SnapshotSource>> {
      auto source = store_.Open(at_least, id);
      if (!source.ok()) return source.status();
      return std::make_shared<WatchedSource>(*std::move(source), on_read);
    };
    transport_ = *rpc::PeerTransport::Start(options, [](std::vector<paxos::Message>) {});
    transport_->SetPeers({{kTaker, "127.0.0.1:1"}}, 1);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", transport_->port()); }

 private:
  const std::shared_ptr<State> state_;
  SnapshotStore store_;
  std::unique_ptr<rpc::PeerTransport> transport_;
};

// Whoever waits with it lets time pass.
class WaitedClock final : public Clock {
 public:
  absl::Duration Monotonic() const override { return on_look_(); }
  absl::Time Wall() const override { return absl::UnixEpoch(); }
  void OnLook(std::function<absl::Duration()> on_look) { on_look_ = std::move(on_look); }

 private:
  std::function<absl::Duration()> on_look_ = [] { return absl::ZeroDuration(); };
};

class SnapshotFetchTest : public ::testing::Test {
 protected:
  void StartGiver(const Gift& gift = {}) {
    giver_ = std::make_unique<Giver>(dir_ / "giver", gift, &giver_clock_);
    address_ = giver_->address();
  }

  absl::StatusOr<Slot> Fetch(Slot at_least = Slot(1)) { return fetch_.Fetch(address_, at_least); }

  ApplyThread::Outlets Outlets() {
    ApplyThread::Outlets outlets;
    outlets.applied = [](Slot, ApplyThread::Results) {};
    outlets.configured = [](const paxos::ConfigurationHistory&, Slot) {};
    outlets.durable = [](Slot) {};
    outlets.flush = [] {};
    outlets.fatal = [](absl::string_view what, const absl::Status& why) {
      ADD_FAILURE() << what << ": " << why;
    };
    return outlets;
  }

  Slot applied() const { return state_.Get()->machine->applied(); }
  bool incoming() const { return directories_->incoming().has_value(); }

  const testing::TempDir dir_;
  const ManualClock giver_clock_;
  WaitedClock clock_;
  Log log_{{}, &clock_, [](absl::string_view) {}};
  std::unique_ptr<Giver> giver_;
  std::string address_;

  const std::unique_ptr<storage::StateDirectories> directories_ =
      *storage::StateDirectories::Open(storage::Env::Posix(), dir_ / "taker");
  const std::string first_dir_ = directories_->current();
  AppliedState state_{*OpenState(first_dir_)};
  NodeMetrics metrics_;
  ApplyThread apply_{{.self = kTaker}, &state_, kMembers, &metrics_, &giver_clock_, Outlets()};

  std::vector<std::string> steps_;
  absl::Status cut_;
  std::function<void()> before_replacing_ = [] {};
  SnapshotFetch fetch_{kCluster,
                       kTaker,
                       {directories_.get(), &state_, &log_, &clock_,
                        [this](absl::string_view what, const absl::Status& why) {
                          steps_.push_back(absl::StrCat("fatal: ", what, ": ", why.ToString()));
                        }},
                       {[this](Slot slot) {
                          steps_.push_back(absl::StrCat("cut ", slot.value()));
                          return cut_;
                        },
                        [this](std::shared_ptr<State> state, const auto& cut_log) {
                          before_replacing_();
                          return apply_.Install(std::move(state), cut_log);
                        }}};
};

TEST_F(SnapshotFetchTest, CutsTheLogReplacesTheStateThenTheDirectory) {
  StartGiver();
  const auto slot = Fetch();
  ASSERT_TRUE(slot.ok()) << slot.status();
  EXPECT_EQ(*slot, kTaken);
  EXPECT_THAT(steps_, ElementsAre("cut 10"));
  EXPECT_EQ(applied(), kTaken);
  EXPECT_EQ(apply_.applied(), kTaken);
  EXPECT_NE(directories_->current(), first_dir_);
  EXPECT_FALSE(incoming());
}

TEST_F(SnapshotFetchTest, NothingChangesWhenNobodyGivesOne) {
  address_ = "127.0.0.1:1";
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
  StartGiver();
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch(kTaken.next()).status())) << "it has none so new";
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_EQ(applied(), Slot());
  EXPECT_FALSE(incoming());
}

TEST_F(SnapshotFetchTest, AnotherClustersSnapshotIsRefused) {
  StartGiver({.cluster = ClusterId(0xbad)});
  EXPECT_TRUE(absl::IsInvalidArgument(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
}

// The log may have lost what was chosen below the slot; without the cut it would teach it.
TEST_F(SnapshotFetchTest, WithoutTheCutTheStateStays) {
  StartGiver();
  cut_ = absl::CancelledError("the node stops");
  EXPECT_TRUE(absl::IsCancelled(Fetch().status()));
  EXPECT_THAT(steps_, ElementsAre("cut 10"));
  EXPECT_EQ(applied(), Slot());
  EXPECT_EQ(directories_->current(), first_dir_);
  // What has come in is kept: the next try needs nobody.
  ASSERT_TRUE(directories_->incoming()->complete);
  giver_.reset();
  cut_ = absl::OkStatus();
  EXPECT_TRUE(Fetch().ok());
  EXPECT_EQ(applied(), kTaken);
}

TEST_F(SnapshotFetchTest, WhatCameInAndIsTooOldIsFetchedAnew) {
  StartGiver();
  cut_ = absl::CancelledError("the node stops");
  EXPECT_FALSE(Fetch().ok());
  ASSERT_TRUE(incoming());
  cut_ = absl::OkStatus();
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch(kTaken.next()).status()));
  EXPECT_FALSE(incoming());
}

// What the state has applied beyond the snapshot is in memory tables; only the log has it for good.
TEST_F(SnapshotFetchTest, AStateThatCaughtUpMeanwhileStaysAndSoDoesTheLog) {
  StartGiver();
  before_replacing_ = [&] {
    std::vector<paxos::ChosenValue> chosen;
    for (Slot slot(1); slot <= kTaken; ++slot) chosen.push_back({slot, paxos::Value()});
    apply_.Post(std::move(chosen));
    while (apply_.applied() < kTaken) std::this_thread::yield();
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
  EXPECT_EQ(directories_->current(), first_dir_);
}

TEST_F(SnapshotFetchTest, ASnapshotThatCannotBeOpenedLeavesStateAndLog) {
  StartGiver({.on_made = [](const std::string& dir) {
    std::filesystem::resize_file(dir + "/CURRENT", 3);
  }});
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
  EXPECT_EQ(directories_->current(), first_dir_);
}

// Its files are what they are said to be, but the giver's disk had spoilt one before.
TEST_F(SnapshotFetchTest, RotDoesNotSpread) {
  StartGiver({.on_made = RotTables});
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
}

// The log would be cut, and slots asked for, by the one slot while the state is of the other.
TEST_F(SnapshotFetchTest, AStateOfAnotherSlotThanDescribedIsRefused) {
  StartGiver({.said_slot = kTaken.next()});
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
}

TEST_F(SnapshotFetchTest, TheOldStateIsRemovedWhenItsReadersAreDone) {
  StartGiver();
  std::shared_ptr<const kv::ReadView> reader = state_.View();
  int looks = 0;
  clock_.OnLook([&] {
    if (applied() == kTaken && ++looks == 4) {  // the new state serves meanwhile
      EXPECT_EQ(directories_->current(), first_dir_);
      reader.reset();
    }
    return absl::ZeroDuration();
  });
  EXPECT_TRUE(Fetch().ok());
  EXPECT_GE(looks, 4);
  EXPECT_NE(directories_->current(), first_dir_);
}

TEST_F(SnapshotFetchTest, AReaderThatNeverEndsDoesNotHoldItUp) {
  StartGiver();
  const std::shared_ptr<const kv::ReadView> reader = state_.View();
  absl::Duration now;
  clock_.OnLook([&] { return now += absl::Seconds(20); });
  EXPECT_TRUE(Fetch().ok());
  EXPECT_NE(directories_->current(), first_dir_);
}

// A byte that has come is not fetched again, and no whole file is read again to see that it is.
TEST_F(SnapshotFetchTest, ABrokenConnectionCostsNothingThatHasCome) {
  using Place = std::pair<uint32_t, uint64_t>;
  std::optional<Place> broken_at;
  std::optional<Place> went_on_at;
  StartGiver({.value_bytes = 300'000,  // some chunks in a file
              .on_read = [&](uint32_t file, uint64_t offset) {
                if (broken_at && !went_on_at) went_on_at = {file, offset};
                if (broken_at || offset == 0) return absl::OkStatus();
                broken_at = {file, offset};
                return absl::UnavailableError("the connection breaks");
              }});
  const auto slot = Fetch();
  ASSERT_TRUE(slot.ok()) << slot.status();
  EXPECT_TRUE(broken_at);
  EXPECT_EQ(went_on_at, broken_at);
}

// Another member may have a disk that answers.
TEST_F(SnapshotFetchTest, AGiverThatSendsNothingMoreIsGivenUp) {
  absl::Notification asked;
  absl::Notification answer;
  std::atomic<int64_t> seconds = 0;
  clock_.OnLook([&] { return absl::Seconds(seconds.load()); });
  StartGiver({.on_read = [&](uint32_t, uint64_t) {
    asked.Notify();
    answer.WaitForNotification();
    return absl::UnavailableError("the disk hangs");
  }});
  absl::Status status;
  absl::Notification ended;
  std::thread fetching([&] {
    status = Fetch().status();
    ended.Notify();
  });
  asked.WaitForNotification();
  seconds = 60;
  fetch_.CancelIfStuck();
  EXPECT_TRUE(ended.WaitForNotificationWithTimeout(absl::Seconds(20)));
  answer.Notify();
  fetching.join();
  giver_.reset();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  fetch_.CancelIfStuck();  // nothing is under way
}

TEST_F(SnapshotFetchTest, ASlowGiverIsWaitedFor) {
  std::atomic<int64_t> seconds = 0;
  clock_.OnLook([&] { return absl::Seconds(seconds.load()); });
  StartGiver({.on_read = [&](uint32_t, uint64_t) {
    seconds = 29;
    fetch_.CancelIfStuck();
    return absl::OkStatus();
  }});
  EXPECT_TRUE(Fetch().ok());
}

TEST_F(SnapshotFetchTest, CancelEndsAllLaterOnes) {
  StartGiver();
  fetch_.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
}

// A whole database would be read first.
TEST_F(SnapshotFetchTest, CancelledItInstallsNothing) {
  StartGiver();
  cut_ = absl::CancelledError("the node stops");
  EXPECT_FALSE(Fetch().ok());
  ASSERT_TRUE(directories_->incoming()->complete);
  cut_ = absl::OkStatus();
  fetch_.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Fetch().status()));
  EXPECT_EQ(applied(), Slot());
  EXPECT_TRUE(directories_->incoming()->complete);
}

}  // namespace
}  // namespace synod::node
