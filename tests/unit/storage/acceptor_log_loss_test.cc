// Files that are gone or short, sectors that cannot be read, and what is lost without a trace: what
// the log says of it, over restarts, repairs and crashes of the recovery itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/random.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/record_codec.h"
#include "tests/unit/storage/damaged_log.h"

namespace synod::storage {
namespace {

using AcceptorLogLossTest = DamagedLogTest;

struct FileDamage {
  const char* name;
  bool records;                      // of the segment's two files
  std::optional<uint64_t> truncate;  // else removed
};

TEST_F(AcceptorLogLossTest, FilesThatAreGoneOrShortAreReportedAndTheLogGoesOn) {
  const FileDamage cases[] = {
      {"records gone", true, std::nullopt},  {"records empty", true, 0},
      {"records short", true, 8 << 10},      {"records cut in the middle", true, 5000},
      {"records barely short", true, 15872}, {"identifiers gone", false, std::nullopt},
      {"identifiers empty", false, 0},       {"identifiers short", false, 100},
  };
  for (const uint64_t id : {1, 2, 3}) {
    for (const FileDamage& damage : cases) {
      const std::string what = std::string(damage.name) + " of segment " + std::to_string(id);
      const auto image = env_.Clone();
      const std::string path = damage.records ? Records(id) : Identifiers(id);
      if (damage.truncate) {
        image->Contents(path).resize(*damage.truncate);
      } else {
        ASSERT_TRUE(image->Remove(path).ok());
      }
      const auto outcome = Inspect(*image, what);
      ASSERT_TRUE(outcome) << what;
      const bool traceless = id == 3;  // further batches may have stood in the last segment
      EXPECT_EQ(outcome->lost_through != paxos::Ballot(), traceless) << what;
      if (!damage.records) {
        EXPECT_TRUE(outcome->intact) << what << ": every batch is there";
      }
      Heal(*image, what);
      if (HasFailure()) return;
    }
  }
}

TEST_F(AcceptorLogLossTest, ASegmentThatIsGoneWithItsIdentifiersIsLostWithoutATrace) {
  for (const uint64_t id : {1, 2, 3}) {
    const std::string what = "segment " + std::to_string(id);
    const auto image = env_.Clone();
    ASSERT_TRUE(image->Remove(Records(id)).ok());
    ASSERT_TRUE(image->Remove(Identifiers(id)).ok());
    const auto outcome = Inspect(*image, what);
    ASSERT_TRUE(outcome) << what;
    EXPECT_EQ(outcome->lost_through, (paxos::Ballot{6, NodeId(1)})) << what;
    Heal(*image, what);
    if (HasFailure()) return;
  }
}

TEST_F(AcceptorLogLossTest, RepairsHoldUntilSomethingElseIsLost) {
  ASSERT_TRUE(env_.Remove(Records(1)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(1)).ok());
  auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{6, NodeId(1)}));
  log.reset();
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{6, NodeId(1)})) << "not repaired yet";
  Write(*log, {Promise(1, 7), Repaired(1)});
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
  log.reset();
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot()) << "the same damage counts once";
  log.reset();
  // One more batch, head and identifier.
  env_.Contents(Records(2)).replace(kSegmentHeaderBytes, 100, std::string(100, 'x'));
  env_.Contents(Identifiers(2)).assign(kIdentifierBytes, 'x');
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{7, NodeId(1)}));
}

// Nothing is known of what it held, so it may go with the first cut; not what is missed of it.
TEST_F(AcceptorLogLossTest, ACutThatFreesALostSegmentForgetsNoSlotAboveIt) {
  ASSERT_TRUE(env_.Remove(Records(1)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(1)).ok());
  auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  const Slot first = log->ReadAbove(kGroup, Slot()).value().front().slot;
  ASSERT_GT(first, Slot(3));
  Write(*log, {Promise(1, 7), Repaired(1)});
  ASSERT_TRUE(log->CutThrough(kGroup, Slot(2)).ok());
  log.reset();
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  ASSERT_THAT(log->damage(), testing::IsEmpty()) << "the segment is gone";
  const GroupLogState state = log->State(kGroup);
  EXPECT_EQ(state.cut_through, Slot(2));
  std::vector<Slot> unknown;
  for (const auto& vote : state.unknown) {
    unknown.push_back(vote.slot);
    EXPECT_EQ(vote.bound, (paxos::Ballot{6, NodeId(1)})) << "the promise when it was lost";
  }
  std::vector<Slot> missing;
  for (Slot slot(3); slot < first; ++slot) missing.push_back(slot);
  EXPECT_THAT(unknown, testing::ElementsAreArray(missing));
}

TEST_F(AcceptorLogLossTest, SectorsThatCannotBeReadAreDamageOfTheirBatchesOnly) {
  for (const uint64_t id : {1, 2, 3}) {
    const uint64_t size = env_.Contents(Records(id)).size();
    for (uint64_t at = 0; at < size; at += 512) {
      const auto image = env_.Clone();
      image->MakeUnreadable(Records(id), at, 512);
      const std::string what = Records(id) + " sector at " + std::to_string(at);
      const auto outcome = Inspect(*image, what);
      ASSERT_TRUE(outcome) << what;
      EXPECT_TRUE(outcome->unknown <= 3 || outcome->lost_through) << what;
      if (id < 3) {
        EXPECT_EQ(outcome->lost_through, paxos::Ballot()) << what;
      }
      if (at % 4096 == 0) Heal(*image, what);
      if (HasFailure()) return;
    }
  }
}

// The scan takes zeros for what it cannot read, and so does whoever reads the value afterwards:
// where the checksum agrees, zeros stood there.
TEST_F(AcceptorLogLossTest, AValueOfZerosIsReadThoughItsSectorCannotBe) {
  {
    const auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
    Write(*log, {Accepted(1, 22, 6, ValueOf(22)),
                 Accepted(1, 23, 6, paxos::Value::OfCommands({{{}, std::string(2000, '\0')}}))});
  }
  const std::string zeros(1100, '\0');
  const size_t value = env_.Contents(Records(3)).find(zeros);
  ASSERT_NE(value, std::string::npos);
  env_.MakeUnreadable(Records(3), (value / 512 + 1) * 512, 512);
  const auto outcome = Inspect(env_, "zeros");
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->intact);
}

// The last batch can be read, but may never have reached the disk, and its segment is not written
// again. If it vanishes it is missed.
TEST_F(AcceptorLogLossTest, TheLastBatchOfADamagedSegmentIsMissedWhenItVanishes) {
  std::string& records = env_.Contents(Records(3));
  records[records.find("18....") + 10] ^= 1;
  EXPECT_EQ(Inspect(env_, "damaged")->lost_through, paxos::Ballot());
  records[records.find("21....") + 10] ^= 1;
  EXPECT_EQ(Inspect(env_, "its value is lost")->unknown, 2);
  std::string& identifiers = env_.Contents(Identifiers(3));
  identifiers.assign(identifiers.size(), '\0');
  records.resize(records.find("21....") / 512 * 512);
  records.resize(16 << 10);
  EXPECT_EQ(Inspect(env_, "all of it is lost")->lost_through, (paxos::Ballot{6, NodeId(1)}));
}

// The recovery itself writes: losses into the manifest, and the next segment.
TEST_F(AcceptorLogLossTest, ACrashAnywhereInTheRecoveryHidesNothing) {
  const auto damage = [](FaultEnv& env, int kind) {
    switch (kind) {
      case 0:  // lost without a trace
        ASSERT_TRUE(env.Remove(Records(2)).ok());
        ASSERT_TRUE(env.Remove(Identifiers(2)).ok());
        break;
      case 1:  // a vote, in the segment that is written
        env.Contents(Records(3))[env.Contents(Records(3)).find("18....") + 10] ^= 1;
        break;
      case 2:  // the end of the log
        env.Contents(Records(3)).resize(8 << 10);
        break;
      default:
        env.MakeUnreadable(Records(3), 0, 512);
    }
    ASSERT_TRUE(env.SyncDir("log").ok());
  };
  int interrupted = 0;
  for (int kind = 0; kind < 4; ++kind) {
    const auto image = env_.Clone();
    damage(*image, kind);
    const Outcome whole = *Inspect(*image->Clone(), "no crash");
    bool finished = false;
    for (uint64_t point = 1; !finished; ++point) {
      for (uint64_t seed = 0; seed < 4; ++seed) {
        const std::string what = "damage " + std::to_string(kind) + ", operation " +
                                 std::to_string(point) + ", seed " + std::to_string(seed);
        const auto env = image->Clone();
        Random random(seed);
        env->FailFrom(point);
        finished = AcceptorLog::Open(env.get(), DamagedLogOptions()).ok();
        interrupted += !finished;
        if (seed % 2 == 0) {
          env->KillProcess();
        } else {
          env->LosePower(random);
        }
        const auto outcome = Inspect(*env, what);
        ASSERT_TRUE(outcome) << what;
        EXPECT_EQ(outcome->lost_through, whole.lost_through) << what;
        EXPECT_EQ(outcome->unknown, whole.unknown) << what;
        Heal(*env, what);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(interrupted, 100);
}

TEST_F(AcceptorLogLossTest, WhatRotsAfterTheStartIsNotTaught) {
  const auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  const auto read = [&](uint64_t first) {
    return log->ReadValues(kGroup, Slot(first), Slot(8), 1 << 20);
  };
  EXPECT_EQ(read(3)->size(), 6);
  env_.MakeUnreadable(Records(1), env_.Contents(Records(1)).find("5...."), 1);
  EXPECT_EQ(read(3)->size(), 2) << "up to it";
  EXPECT_TRUE(absl::IsOutOfRange(read(5).status())) << "a snapshot has it";
  EXPECT_EQ(read(6)->size(), 3);
}

// What stood before the lost batches may have been outvoted in them. That is so at every start
// until a repair, whatever has been promised since.
TEST_F(AcceptorLogLossTest, AVoteInDoubtIsInDoubtAtTheNextStart) {
  ASSERT_TRUE(env_.Remove(Records(3)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(3)).ok());
  auto log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  const auto bounds = [&] {
    std::map<Slot, paxos::Ballot> told;
    for (const auto& vote : log->State(kGroup).unknown) told[vote.slot] = vote.bound;
    return told;
  };
  const auto first = bounds();
  EXPECT_EQ(first.at(Slot(16)), (paxos::Ballot{6, NodeId(1)})) << "voted for at ballot 3";
  Write(*log, {Promise(1, 9)});
  log.reset();
  log = AcceptorLog::Open(&env_, DamagedLogOptions()).value();
  EXPECT_EQ(bounds(), first);
}

// A repair counts on what was learned before it. Were it durable first, a crash in between would
// leave a log that has forgotten votes and no longer says so.
TEST_F(AcceptorLogLossTest, ARepairIsNotDurableBeforeWhatItRestsOn) {
  ASSERT_TRUE(env_.Remove(Records(3)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(3)).ok());
  bool finished = false;
  bool was_repaired = false;
  for (uint64_t operation = 1; !finished; ++operation) {
    ASSERT_LT(operation, 100u);
    const auto image = env_.Clone();
    auto log = AcceptorLog::Open(image.get(), DamagedLogOptions());
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_NE((*log)->State(kGroup).lost_through, paxos::Ballot());
    ASSERT_TRUE((*log)->Append({Learned(1, 17, ValueOf(217, 300)), Repaired(1)}).ok());
    image->FailFrom(operation);
    finished = (*log)->Sync().ok();
    log->reset();
    Random random(operation);
    image->LosePower(random);
    const auto again = AcceptorLog::Open(image.get(), DamagedLogOptions());
    ASSERT_TRUE(again.ok()) << again.status();
    if ((*again)->State(kGroup).lost_through) continue;
    was_repaired = true;
    const auto values = (*again)->ReadAbove(kGroup, Slot(16));
    ASSERT_TRUE(values.ok());
    EXPECT_THAT(*values, testing::Contains(testing::Field(&paxos::AcceptedValue::slot, Slot(17))))
        << "crash at operation " << operation;
  }
  EXPECT_TRUE(was_repaired);
}

}  // namespace
}  // namespace synod::storage
