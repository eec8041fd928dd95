// Crashes at every point at which the log changes the disk, against a dumb twin: after each restart
// the log holds a prefix of what was appended that contains everything acknowledged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/random.h"
#include "services/storage/acceptor_log.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

constexpr uint64_t kGroups = 2;

class CrashingLog {
 public:
  explicit CrashingLog(uint64_t seed) : random_(seed) {}

  // Random work until `failing_operation` fails, then a crash and a restart.
  void LiveAndCrash(uint64_t failing_operation) {
    env_.FailFrom(failing_operation);
    Work();
    log_.reset();
    if (random_.Chance(0.3)) {
      env_.KillProcess();
    } else {
      env_.LosePower(random_);
    }
    Recover();
  }

  uint64_t failures() const { return failures_; }

 private:
  absl::Status Open() {
    AcceptorLogOptions options;
    options.dir = "log";
    options.cluster = ClusterId(1);
    options.node = NodeId(1);
    options.segment_bytes = 16 << 10;
    options.spare_segments = 0;
    auto log = AcceptorLog::Open(&env_, options);
    if (log.ok()) log_ = *std::move(log);
    return log.status();
  }

  // Ends at the first error or after a bounded number of steps.
  void Work() {
    absl::Status status = Open();
    for (int step = 0; step < 60 && status.ok(); ++step) status = Step();
    failures_ += !status.ok();
  }

  absl::Status Step() {
    const GroupId group(1 + random_.Below(kGroups));
    if (random_.Chance(0.1)) {
      const Slot cut(random_.Below(next_slot_[group] + 1));
      requested_cut_[group] = std::max(requested_cut_[group], cut);
      return log_->CutThrough(group, cut, random_.Chance(0.3) ? CutKind::kDurable : CutKind::kLazy);
    }
    std::vector<paxos::Record> records;
    for (uint64_t i = random_.Below(5); i > 0; --i) records.push_back(RandomRecord());
    twin_.records.insert(twin_.records.end(), records.begin(), records.end());
    if (absl::Status status = log_->Append(records); !status.ok()) return status;
    if (random_.Chance(0.3)) return absl::OkStatus();
    if (absl::Status status = log_->Sync(); !status.ok()) return status;
    acknowledged_ = twin_.records.size();
    return absl::OkStatus();
  }

  paxos::Record RandomRecord() {
    const uint64_t id = 1 + random_.Below(kGroups);
    uint64_t& next = next_slot_[GroupId(id)];
    round_ += random_.Chance(0.05);
    if (random_.Chance(0.1)) return Promise(id, round_);
    if (random_.Chance(0.03)) return Founded(id, {{NodeId(2), ++value_}});
    if (random_.Chance(0.03)) return Repaired(id);
    const uint64_t slot = random_.Chance(0.7) ? ++next : 1 + random_.Below(next + 3);
    next = std::max(next, slot);
    const paxos::Value value = ValueOf(++value_, random_.Chance(0.1) ? 3000 : random_.Below(300));
    if (random_.Chance(0.2)) return Learned(id, slot, value);
    return Accepted(id, slot, round_, value, random_.Below(slot));
  }

  void Recover() {
    const absl::Status status = Open();
    ASSERT_TRUE(status.ok()) << status;
    size_t survived = acknowledged_;
    while (survived <= twin_.records.size() && !MatchesThrough(survived)) ++survived;
    ASSERT_LE(survived, twin_.records.size()) << "not a prefix with everything acknowledged";
    for (uint64_t id = 1; id <= kGroups; ++id) {
      const GroupLogState state = log_->State(GroupId(id));
      EXPECT_GE(state.promised, twin_.Replay(GroupId(id), acknowledged_).promised);
      EXPECT_LE(state.promised, twin_.Replay(GroupId(id), twin_.records.size()).promised);
      EXPECT_LE(state.cut_through, requested_cut_[GroupId(id)]);
      EXPECT_THAT(state.unknown, testing::IsEmpty());
      EXPECT_EQ(state.lost_through, paxos::Ballot());
      EXPECT_TRUE(state.founded || !twin_.Replay(GroupId(id), acknowledged_).founded);
      EXPECT_TRUE(HasBeenTold(GroupId(id), state)) << "instances of no record since the last sync";
    }
    EXPECT_THAT(log_->damage(), testing::IsEmpty());
    // What was lost was never acknowledged; promises that survived on their own stay promised.
    twin_.records.resize(survived);
    for (uint64_t id = 1; id <= kGroups; ++id) {
      twin_.records.push_back(
          {GroupId(id), paxos::PromiseRecord{log_->State(GroupId(id)).promised}});
      const GroupLogState state = log_->State(GroupId(id));
      if (state.founded) twin_.records.push_back(Founded(id, state.instances));
    }
    acknowledged_ = twin_.records.size();
    log_.reset();
  }

  // Whether the instances are the last acknowledged ones or some that were appended after them.
  bool HasBeenTold(GroupId group, const GroupLogState& state) const {
    for (size_t count = acknowledged_; count <= twin_.records.size(); ++count) {
      if (twin_.Replay(group, count).instances == state.instances) return true;
    }
    return false;
  }

  bool MatchesThrough(size_t count) const {
    for (uint64_t id = 1; id <= kGroups; ++id) {
      if (!twin_.Matches(*log_, GroupId(id), count)) return false;
    }
    return true;
  }

  Random random_;
  FaultEnv env_;
  std::unique_ptr<AcceptorLog> log_;
  LogTwin twin_;
  size_t acknowledged_ = 0;
  std::map<GroupId, uint64_t> next_slot_;
  std::map<GroupId, Slot> requested_cut_;
  uint64_t round_ = 1;
  uint64_t value_ = 0;
  uint64_t failures_ = 0;
};

TEST(AcceptorLogCrashTest, EverythingAcknowledgedSurvivesACrashAtEveryPoint) {
  // The same life, crashed at its first operation, its second, ...; creation included.
  for (uint64_t point = 1; point <= 300; ++point) {
    SCOPED_TRACE(point);
    CrashingLog log(11);
    log.LiveAndCrash(point);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(AcceptorLogCrashTest, EverythingAcknowledgedSurvivesManyLives) {
  uint64_t failures = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    CrashingLog log(seed);
    Random when(seed);
    for (int life = 0; life < 20; ++life) {
      log.LiveAndCrash(1 + when.Below(250));
      if (testing::Test::HasFatalFailure()) return;
    }
    failures += log.failures();
  }
  EXPECT_GT(failures, 200) << "the crash points lie beyond the work: nothing was tested";
}

}  // namespace
}  // namespace synod::storage
