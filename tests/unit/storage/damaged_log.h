// A log with several segments to be damaged, and what must hold of it afterwards.
#ifndef SYNOD_TESTS_UNIT_STORAGE_DAMAGED_LOG_H_
#define SYNOD_TESTS_UNIT_STORAGE_DAMAGED_LOG_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "services/storage/acceptor_log.h"
#include "services/storage/log_files.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {

inline const GroupId kGroup(1);

inline AcceptorLogOptions DamagedLogOptions() {
  AcceptorLogOptions options;
  options.dir = "log";
  options.cluster = ClusterId(1);
  options.node = NodeId(1);
  options.segment_bytes = 16 << 10;
  options.spare_segments = 0;
  return options;
}

inline std::string Records(uint64_t segment) {
  return RecordsPath("log", segment);
}
inline std::string Identifiers(uint64_t segment) {
  return IdentifiersPath("log", segment);
}

// What a log made of its damage.
struct Outcome {
  bool intact = false;         // nothing is missing
  paxos::Ballot lost_through;  // of the group
  size_t unknown = 0;
};

class DamagedLogTest : public testing::Test {
 protected:
  // Three segments: votes, votes of a higher ballot for some of the same slots, learned values, and
  // batches of one and of several records. The last batch is a large one.
  DamagedLogTest() {
    auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
    Write(*log, {Promise(1, 3)});
    for (uint64_t slot = 1; slot <= 16; ++slot) {
      Write(*log, {Accepted(1, slot, 3, ValueOf(slot, 900), slot / 2)});
    }
    Write(*log, {Accepted(1, 9, 5, ValueOf(109, 300), 8), Accepted(1, 10, 5, ValueOf(110, 300), 8),
                 Accepted(1, 11, 5, ValueOf(111, 300), 8)});
    for (uint64_t slot = 9; slot <= 12; ++slot) {
      Write(*log, {Learned(1, slot, ValueOf(200 + slot, 600))});
    }
    Write(*log, {Accepted(1, 14, 6, ValueOf(314, 500), 12)});
    Write(*log, {Learned(1, 13, ValueOf(213, 600)), Accepted(1, 15, 6, ValueOf(315, 500), 14)});
    for (uint64_t slot = 17; slot <= 20; ++slot) {
      Write(*log, {Accepted(1, slot, 6, ValueOf(slot, 700), 14)});
    }
    Write(*log, {Accepted(1, 21, 6, ValueOf(21, 2000), 15)});
    EXPECT_EQ(env_.Paths().size(), 3 + 2 * 4) << "three segments and the reserve";
  }

  void Write(AcceptorLog& log, const std::vector<paxos::Record>& records) {
    twin_.records.insert(twin_.records.end(), records.begin(), records.end());
    EXPECT_TRUE(log.Append(records).ok());
    EXPECT_TRUE(log.Sync().ok());
  }

  // Opens the image and checks that it loses nothing silently. Nothing when it refuses to open.
  std::optional<Outcome> Inspect(FaultEnv& env, const std::string& what) {
    SCOPED_TRACE(what);
    const auto log = AcceptorLog::Open(&env, DamagedLogOptions());
    if (!log.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(log.status()) || absl::IsFailedPrecondition(log.status()))
          << log.status();
      return std::nullopt;
    }
    return Inspect(**log);
  }

  Outcome Inspect(const AcceptorLog& log) {
    const TwinGroup expected = twin_.Replay(kGroup, twin_.records.size());
    const GroupLogState state = log.State(kGroup);
    EXPECT_EQ(state.promised, expected.promised);
    std::map<Slot, paxos::Ballot> unknown;
    for (const auto& vote : state.unknown) unknown[vote.slot] = vote.bound;
    std::map<Slot, paxos::AcceptedValue> found;
    const auto values = log.ReadAbove(kGroup, Slot());
    EXPECT_TRUE(values.ok()) << values.status();
    for (const auto& value : *values) found[value.slot] = value;

    Outcome outcome{true, state.lost_through, unknown.size()};
    for (const auto& [slot, newest] : expected.slots) {
      const auto it = found.find(slot);
      const bool read = it != found.end() && it->second.ballot == newest.ballot &&
                        it->second.value == newest.value;
      if (read) continue;
      outcome.intact = false;
      const paxos::Ballot voted = HighestVote(slot);
      const bool votes_told = (it != found.end() && it->second.ballot == voted) ||
                              (unknown.contains(slot) && unknown[slot] >= voted);
      EXPECT_TRUE((unknown.contains(slot) && votes_told) || state.lost_through == expected.promised)
          << "slot " << slot << " is gone";
      if (it != found.end()) {
        EXPECT_TRUE(unknown.contains(slot) || slot > state.chosen_hint)
            << "slot " << slot << ": an old vote passes for the chosen value";
      }
    }
    for (const auto& [slot, value] : found) EXPECT_TRUE(WasWritten(value)) << slot;
    for (Slot slot = state.cut_through.next(); slot <= state.chosen_hint; ++slot) {
      EXPECT_TRUE(found.contains(slot) || unknown.contains(slot)) << "slot " << slot << " is gone";
    }
    EXPECT_TRUE(outcome.intact || !log.damage().empty()) << "nobody is told";
    return outcome;
  }

  paxos::Ballot HighestVote(Slot slot) const {
    paxos::Ballot highest;
    for (const paxos::Record& record : twin_.records) {
      const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body);
      if (accepted && accepted->slot == slot) highest = std::max(highest, accepted->ballot);
    }
    return highest;
  }

  bool WasWritten(const paxos::AcceptedValue& value) const {
    for (const paxos::Record& record : twin_.records) {
      const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body);
      if (accepted && accepted->slot == value.slot && accepted->ballot == value.ballot) return true;
      const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body);
      if (learned && learned->slot == value.slot && !value.ballot) return true;
    }
    return false;
  }

  // The life after the damage: what is unknown is voted for or learned again, what is lost without
  // a trace is repaired, and the log goes on. Restarts then find nothing wrong any more.
  void Heal(FaultEnv& env, const std::string& what) {
    SCOPED_TRACE(what);
    LogTwin twin = twin_;
    auto log = AcceptorLog::Open(&env, DamagedLogOptions()).value();
    std::vector<paxos::Record> healing = {Promise(1, 9)};
    for (const auto& vote : log->State(kGroup).unknown) {
      const uint64_t slot = vote.slot.value();
      healing.push_back(slot % 2 ? Accepted(1, slot, 9, ValueOf(900 + slot))
                                 : Learned(1, slot, ValueOf(900 + slot)));
    }
    healing.push_back(Repaired(1));
    ASSERT_TRUE(log->Append(healing).ok());
    ASSERT_TRUE(log->Sync().ok());
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_THAT(log->State(kGroup).unknown, testing::IsEmpty());
      EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
      EXPECT_EQ(log->State(kGroup).promised, (paxos::Ballot{9, NodeId(1)}));
      for (uint64_t slot = 50; slot < 70; ++slot) {
        ASSERT_TRUE(log->Append({{Accepted(1, slot, 9, ValueOf(slot, 900))}}).ok());
        ASSERT_TRUE(log->Sync().ok());
      }
      log.reset();
      log = AcceptorLog::Open(&env, DamagedLogOptions()).value();
      const auto values = log->ReadAbove(kGroup, Slot(49)).value();
      EXPECT_EQ(values.size(), 20);
    }
    // The damaged segments go when all of them is cut, and nothing of the damage is left.
    ASSERT_TRUE(log->CutThrough(kGroup, Slot(69)).ok());
    log.reset();
    log = AcceptorLog::Open(&env, DamagedLogOptions()).value();
    EXPECT_THAT(log->damage(), testing::IsEmpty());
    EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
  }

  FaultEnv env_;
  LogTwin twin_;
};

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_DAMAGED_LOG_H_
