// Snapshots of real engines over real connections, installed by a real apply thread; the log is the
// test's.
#include "services/node/snapshot_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

// Puts one key in each slot through `last`.
void Fill(State& state, Slot last) {
  const std::string members = kMembers.Encode();
  for (Slot slot = state.machine->applied().next(); slot <= last; ++slot) {
    kv::PutRequest put;
    put.key = absl::StrCat("key", slot.value());
    put.value = std::string(1000, 'v');
    const std::string command = kv::EncodeCommand(put);
    ASSERT_TRUE(state.machine->Apply({{kv::SlotCommands{slot, {command}, members}}}).ok());
  }
}

// Sends little pieces, and breaks off once, within a file.
class FalteringSource final : public rpc::SnapshotSource {
 public:
  static constexpr uint64_t kPiece = 64;
  static constexpr uint64_t kBreak = 2 * kPiece;

  struct History {
    bool broken = false;
    std::optional<std::pair<uint32_t, uint64_t>> resumed;  // the file and offset read next
  };

  FalteringSource(std::shared_ptr<const rpc::SnapshotSource> whole, History* history)
      : whole_(std::move(whole)), history_(history) {}

  std::string descriptor() const override { return whole_->descriptor(); }
  uint32_t files() const override { return whole_->files(); }
  uint64_t FileBytes(uint32_t file) const override { return whole_->FileBytes(file); }
  absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const override {
    if (!history_->broken && offset == kBreak) {
      history_->broken = true;
      return absl::UnavailableError("broken off");
    }
    if (history_->broken && !history_->resumed) history_->resumed = {file, offset};
    auto bytes = whole_->Read(file, offset);
    if (bytes.ok()) bytes->resize(std::min<size_t>(bytes->size(), kPiece));
    return bytes;
  }

 private:
  const std::shared_ptr<const rpc::SnapshotSource> whole_;
  History* const history_;
};

class Giver {
 public:
  // `then` is done to the files of each snapshot; it says of which slot they are.
  Giver(std::string dir, ClusterId cluster, const Clock* clock,
        std::function<Slot(const std::string& dir, Slot slot)> then)
      : state_(*OpenState(dir + "/state")),
        store_(
            dir + "/snapshots", cluster,
            [this, then](const std::string& to) -> absl::StatusOr<Slot> {
              if (auto status = state_->engine->Flush(); !status.ok()) return status;
              if (auto status = state_->engine->Checkpoint(to); !status.ok()) return status;
              return then(to, state_->machine->applied());
            },
            clock) {
    Fill(*state_, kTaken);
    rpc::PeerTransportOptions options;
    options.cluster = kCluster;
    options.self = kGiver;
    options.listen = "127.0.0.1:0";
    options.configuration_version = [] { return 1; };
    options.peer_introduced = [](NodeId, const rpc::PeerIntroduction&) {};
    options.link_changed = [](NodeId, const absl::Status&) {};
    options.open_snapshot =
        [this](Slot at_least,
               uint64_t id) -> absl::StatusOr<std::shared_ptr<const rpc::SnapshotSource>> {
      auto source = store_.Open(at_least, id);
      if (!source.ok() || !falters_) return source;
      return std::make_shared<const FalteringSource>(*std::move(source), &history_);
    };
    transport_ = *rpc::PeerTransport::Start(options, [](std::vector<paxos::Message>) {});
    transport_->SetPeers({{kTaker, "127.0.0.1:1"}}, 1);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", transport_->port()); }

  // Before the first fetch.
  void Falter() { falters_ = true; }
  const FalteringSource::History& history() const { return history_; }

 private:
  const std::shared_ptr<State> state_;
  SnapshotStore store_;
  bool falters_ = false;
  FalteringSource::History history_;
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
  void StartGiver(ClusterId cluster = kCluster) {
    giver_ = std::make_unique<Giver>(dir_ / "giver", cluster, &giver_clock_,
                                     [this](const std::string& dir, Slot slot) {
                                       with_snapshot_(dir);
                                       return said_slot_.value_or(slot);
                                     });
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
  std::function<void(const std::string& dir)> with_snapshot_ = [](const std::string&) {};
  std::optional<Slot> said_slot_;
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

TEST_F(SnapshotFetchTest, GoesOnWhereTheConnectionBroke) {
  StartGiver();
  giver_->Falter();
  EXPECT_TRUE(Fetch().ok());
  ASSERT_TRUE(giver_->history().resumed.has_value());
  EXPECT_EQ(giver_->history().resumed->second, FalteringSource::kBreak);
}

TEST_F(SnapshotFetchTest, AnotherClustersSnapshotIsRefused) {
  StartGiver(ClusterId(0xbad));
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
  with_snapshot_ = [](const std::string& dir) {
    std::filesystem::resize_file(dir + "/CURRENT", 3);
  };
  StartGiver();
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
  EXPECT_EQ(directories_->current(), first_dir_);
}

// Its files are what they are said to be, but the giver's disk had spoilt one before.
TEST_F(SnapshotFetchTest, RotDoesNotSpread) {
  with_snapshot_ = RotTables;
  StartGiver();
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
}

// The log would be cut, and slots asked for, by the one slot while the state is of the other.
TEST_F(SnapshotFetchTest, AStateOfAnotherSlotThanDescribedIsRefused) {
  said_slot_ = kTaken.next();
  StartGiver();
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_FALSE(incoming());
}

TEST_F(SnapshotFetchTest, TheOldStateIsRemovedWhenItsReadersAreDone) {
  StartGiver();
  std::shared_ptr<const kv::ReadView> reader = state_.View();
  int looks = 0;
  clock_.OnLook([&] {
    if (++looks == 4) {
      EXPECT_EQ(applied(), kTaken) << "the new state serves meanwhile";
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

TEST_F(SnapshotFetchTest, CancelEndsAllLaterOnes) {
  StartGiver();
  fetch_.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Fetch().status()));
  EXPECT_THAT(steps_, IsEmpty());
}

}  // namespace
}  // namespace synod::node
