// Every byte of an acknowledged log flipped, every file gone or short, sectors that cannot be read:
// the log opens, and each record is read intact, or reported with a bound on its ballot, or covered
// by lost_through. Nothing is silently absent, and nothing stale is taken for chosen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/log_files.h"
#include "services/storage/record_codec.h"
#include "services/storage/segment_scan.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const GroupId kGroup(1);

AcceptorLogOptions Options() {
  AcceptorLogOptions options;
  options.dir = "log";
  options.cluster = ClusterId(1);
  options.node = NodeId(1);
  options.segment_bytes = 16 << 10;
  options.spare_segments = 0;
  return options;
}

std::string Records(uint64_t segment) {
  return RecordsPath("log", segment);
}
std::string Identifiers(uint64_t segment) {
  return IdentifiersPath("log", segment);
}

// What a log made of its damage.
struct Outcome {
  bool intact = false;         // nothing is missing
  paxos::Ballot lost_through;  // of the group
  size_t unknown = 0;
};

class AcceptorLogDamageTest : public testing::Test {
 protected:
  // Three segments: votes, votes of a higher ballot for some of the same slots, learned values, and
  // batches of one and of several records. The last batch is a large one.
  AcceptorLogDamageTest() {
    auto log = AcceptorLog::Open(&env_, Options()).value();
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
    const auto log = AcceptorLog::Open(&env, Options());
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
      const paxos::Ballot ballot = newest.ballot ? newest.ballot : paxos::Ballot::Max();
      const bool named = unknown.contains(slot) && unknown[slot] >= ballot;
      EXPECT_TRUE(named || state.lost_through == expected.promised)
          << "slot " << slot << " is gone";
      if (it != found.end()) {
        EXPECT_TRUE(unknown.contains(slot) || slot > state.chosen_hint)
            << "slot " << slot << ": an old vote passes for the chosen value";
      }
    }
    for (const auto& [slot, value] : found) EXPECT_TRUE(WasWritten(value)) << slot;
    EXPECT_TRUE(outcome.intact || !log.damage().empty()) << "nobody is told";
    return outcome;
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
    auto log = AcceptorLog::Open(&env, Options()).value();
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
      EXPECT_THAT(log->State(kGroup).unknown, IsEmpty());
      EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
      EXPECT_EQ(log->State(kGroup).promised, (paxos::Ballot{9, NodeId(1)}));
      for (uint64_t slot = 50; slot < 70; ++slot) {
        ASSERT_TRUE(log->Append({{Accepted(1, slot, 9, ValueOf(slot, 900))}}).ok());
        ASSERT_TRUE(log->Sync().ok());
      }
      log.reset();
      log = AcceptorLog::Open(&env, Options()).value();
      const auto values = log->ReadAbove(kGroup, Slot(49)).value();
      EXPECT_EQ(values.size(), 20);
    }
    // The damaged segments go when all of them is cut, and nothing of the damage is left.
    ASSERT_TRUE(log->CutThrough(kGroup, Slot(69)).ok());
    log.reset();
    log = AcceptorLog::Open(&env, Options()).value();
    EXPECT_THAT(log->damage(), IsEmpty());
    EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
  }

  FaultEnv env_;
  LogTwin twin_;
};

TEST_F(AcceptorLogDamageTest, EveryFlippedByteIsHarmlessOrReported) {
  int missed = 0;
  int refused = 0;
  for (const std::string& path : env_.Paths()) {
    const std::string& contents = env_.Contents(path);
    for (size_t at = 0; at < contents.size(); ++at) {
      // Of what was never written, some will do.
      const bool blank =
          contents.find_first_not_of('\0', at) - at > 100 && at % 512 != 0 && at % 61 != 0;
      if (blank) continue;
      const auto image = env_.Clone();
      image->Contents(path)[at] ^= static_cast<char>(1 << (at % 8));
      const auto outcome = Inspect(*image, path + " byte " + std::to_string(at));
      if (!outcome) {
        ++refused;
        EXPECT_EQ(path, IdentityPath("log")) << at;
      } else {
        missed += !outcome->intact;
        EXPECT_TRUE(outcome->intact || outcome->unknown > 0) << path << " byte " << at;
      }
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(missed, 16000) << "every byte of every value must be missed";
  EXPECT_GT(refused, 50);
}

TEST_F(AcceptorLogDamageTest, TheReportNamesFileOffsetSlotAndBallot) {
  std::string& records = env_.Contents(Records(1));
  const size_t at = records.find("5....");
  ASSERT_NE(at, std::string::npos);
  records[at + 3] ^= 1;
  const auto log = AcceptorLog::Open(&env_, Options()).value();
  ASSERT_EQ(log->damage().size(), 1);
  const std::string line = log->damage()[0];
  EXPECT_THAT(line, HasSubstr(Records(1)));
  EXPECT_THAT(line, HasSubstr("offset "));
  EXPECT_THAT(line, HasSubstr("slot 5 of group 1, accepted at ballot 3.1"));
  const GroupLogState state = log->State(kGroup);
  ASSERT_EQ(state.unknown.size(), 1);
  EXPECT_EQ(state.unknown[0].slot, Slot(5));
  EXPECT_EQ(state.unknown[0].bound, (paxos::Ballot{3, NodeId(1)})) << "exactly";
  EXPECT_EQ(state.lost_through, paxos::Ballot()) << "only this one is lost";
  // Its neighbours can still be taught, it cannot.
  EXPECT_EQ(log->ReadValues(kGroup, Slot(1), Slot(16), 1 << 20).value().size(), 4);
}

TEST_F(AcceptorLogDamageTest, ADamagedHeadIsReportedWithItsSlotFromTheIdentifiers) {
  env_.Contents(Records(1))[kSegmentHeaderBytes + 10] ^= 1;
  const auto log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_THAT(log->damage(), Contains(HasSubstr("slot 1 of group 1")));
  ASSERT_EQ(log->State(kGroup).unknown.size(), 1);
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
}

TEST_F(AcceptorLogDamageTest, ALostLearnedRecordOutranksEveryVote) {
  std::string& records = env_.Contents(Records(2));
  const size_t at = records.find("212....");
  ASSERT_NE(at, std::string::npos);
  records[at + 10] ^= 1;
  const auto log = AcceptorLog::Open(&env_, Options()).value();
  ASSERT_EQ(log->State(kGroup).unknown.size(), 1);
  EXPECT_EQ(log->State(kGroup).unknown[0].slot, Slot(12));
  EXPECT_EQ(log->State(kGroup).unknown[0].bound, paxos::Ballot::Max());
  // The vote that the learned value replaced is no chosen value, though the hint covers its slot.
  EXPECT_GE(log->State(kGroup).chosen_hint, Slot(12));
  EXPECT_THAT(log->ReadValues(kGroup, Slot(12), Slot(12), 1).value(), IsEmpty());
}

TEST_F(AcceptorLogDamageTest, WhatANewerRecordReplacedIsNotMissed) {
  // Slot 9 was accepted twice and then learned.
  for (const char* value : {"9....", "109....", "209...."}) {
    const auto image = env_.Clone();
    bool found = false;
    for (const uint64_t id : {1, 2, 3}) {
      std::string& records = image->Contents(Records(id));
      // The payload's length stands before it, so that "9...." is not the end of "109....".
      const size_t at = records.find(std::string("\0\0", 2) + value);
      if (at == std::string::npos) continue;
      records[at + 8] ^= 1;
      found = true;
    }
    ASSERT_TRUE(found) << value;
    const auto log = AcceptorLog::Open(image.get(), Options()).value();
    EXPECT_THAT(log->damage(), Not(IsEmpty())) << value;
    EXPECT_EQ(log->State(kGroup).unknown.size(), value[0] == '2' ? 1 : 0) << value;
  }
}

// A power loss may take identifiers that were never synced; the batches then vouch for one another,
// and only the last one cannot be told from a torn tail.
TEST_F(AcceptorLogDamageTest, WithoutIdentifiersOnlyTheLastBatchMayGoUnnoticed) {
  std::string& identifiers = env_.Contents(Identifiers(3));
  identifiers.assign(identifiers.size(), '\0');
  LogTwin without_last = twin_;
  without_last.records.pop_back();
  int torn = 0;
  for (size_t at = kSegmentHeaderBytes; at < env_.Contents(Records(3)).size(); at += 7) {
    const auto image = env_.Clone();
    image->Contents(Records(3))[at] ^= 1;
    const auto log = AcceptorLog::Open(image.get(), Options()).value();
    if (without_last.Matches(*log, kGroup, without_last.records.size())) {
      EXPECT_THAT(log->damage(), IsEmpty());
      ++torn;
    } else {
      Inspect(*log);
    }
  }
  EXPECT_GT(torn, 0);
}

TEST_F(AcceptorLogDamageTest, ATornTailIsDroppedAndWrittenOverThereafter) {
  {
    auto log = AcceptorLog::Open(&env_, Options()).value();
    env_.FailFrom(2);  // written, not synced
    ASSERT_TRUE(log->Append({{Accepted(1, 22, 6, ValueOf(22, 2000))}}).ok());
    ASSERT_FALSE(log->Sync().ok());
  }
  env_.KillProcess();
  std::string& records = env_.Contents(Records(3));
  const size_t at = records.find("22....");
  ASSERT_NE(at, std::string::npos);
  records.replace(at + 1000, 512, std::string(512, '\0'));  // a sector that never arrived
  auto log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_TRUE(twin_.Matches(*log, kGroup, twin_.records.size()));
  EXPECT_THAT(log->damage(), IsEmpty());
  Write(*log, {Accepted(1, 22, 7, ValueOf(23, 40))});
  log.reset();
  log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_TRUE(twin_.Matches(*log, kGroup, twin_.records.size()));
}

// The same torn tail in a segment that is damaged as well: nothing may be written there any more,
// and the torn batch must not come back to life when its number is used again.
TEST_F(AcceptorLogDamageTest, ATornTailBehindDamageStaysDropped) {
  {
    auto log = AcceptorLog::Open(&env_, Options()).value();
    env_.FailFrom(2);
    ASSERT_TRUE(log->Append({{Accepted(1, 22, 6, ValueOf(22, 2000))}}).ok());
    ASSERT_FALSE(log->Sync().ok());
  }
  env_.KillProcess();
  std::string& records = env_.Contents(Records(3));
  const size_t torn = records.find("22....");
  records[torn + 1000] ^= 1;
  records[records.find("18....") + 10] ^= 1;
  const std::string before = records;
  for (int restart = 0; restart < 3; ++restart) {
    auto log = AcceptorLog::Open(&env_, Options()).value();
    const Outcome outcome = Inspect(*log);
    EXPECT_EQ(outcome.unknown, 1) << "slot 18";
    EXPECT_EQ(outcome.lost_through, paxos::Ballot());
    Write(*log, {Accepted(1, 22 + restart, 6, ValueOf(30 + restart, 40))});
  }
  EXPECT_EQ(env_.Contents(Records(3)), before) << "evidence";
}

struct FileDamage {
  const char* name;
  bool records;                      // of the segment's two files
  std::optional<uint64_t> truncate;  // else removed
};

TEST_F(AcceptorLogDamageTest, FilesThatAreGoneOrShortAreReportedAndTheLogGoesOn) {
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

TEST_F(AcceptorLogDamageTest, ASegmentThatIsGoneWithItsIdentifiersIsLostWithoutATrace) {
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

TEST_F(AcceptorLogDamageTest, RepairsHoldUntilSomethingElseIsLost) {
  ASSERT_TRUE(env_.Remove(Records(1)).ok());
  ASSERT_TRUE(env_.Remove(Identifiers(1)).ok());
  auto log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{6, NodeId(1)}));
  log.reset();
  log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{6, NodeId(1)})) << "not repaired yet";
  Write(*log, {Promise(1, 7), Repaired(1)});
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot());
  log.reset();
  log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, paxos::Ballot()) << "the same damage counts once";
  log.reset();
  // One more batch, head and identifier.
  env_.Contents(Records(2)).replace(kSegmentHeaderBytes, 100, std::string(100, 'x'));
  env_.Contents(Identifiers(2)).assign(kIdentifierBytes, 'x');
  log = AcceptorLog::Open(&env_, Options()).value();
  EXPECT_EQ(log->State(kGroup).lost_through, (paxos::Ballot{7, NodeId(1)}));
}

TEST_F(AcceptorLogDamageTest, SectorsThatCannotBeReadAreDamageOfTheirBatchesOnly) {
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

// The last batch can be read, but may never have reached the disk, and its segment is not written
// again. If it vanishes it is missed.
TEST_F(AcceptorLogDamageTest, TheLastBatchOfADamagedSegmentIsMissedWhenItVanishes) {
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
TEST_F(AcceptorLogDamageTest, ACrashAnywhereInTheRecoveryHidesNothing) {
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
        finished = AcceptorLog::Open(env.get(), Options()).ok();
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

TEST_F(AcceptorLogDamageTest, MisplacedSegmentsAreReported) {
  std::swap(env_.Contents(Records(1)), env_.Contents(Records(2)));
  const auto outcome = Inspect(env_, "swapped segments");
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->intact);
  Heal(env_, "swapped segments");
}

TEST_F(AcceptorLogDamageTest, AMisdirectedWriteIsReported) {
  // A batch of the log that landed, whole, where another one belongs.
  std::string& records = env_.Contents(Records(1));
  const std::string batch = records.substr(kSegmentHeaderBytes, 1024);
  records.replace(kSegmentHeaderBytes + 1024, 1024, batch);
  const auto outcome = Inspect(env_, "misdirected write");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->unknown, 1);
}

TEST(SegmentScanTest, ABatchThatSkipsASequenceIsDamageEvenAtTheEnd) {
  const SegmentIdentity segment{ClusterId(1), NodeId(1), 1};
  const LogRecord record{
      {RecordKind::kAccepted, kGroup, Slot(1), {1, NodeId(1)}}, Slot(), ValueOf(1)};
  std::string records(kSegmentHeaderBytes, '\0');
  records += EncodeBatch(segment, records.size(), 7, {record}).bytes;
  EXPECT_THAT(ScanSegment(segment, 7, std::nullopt, records, "").damage, IsEmpty());
  const SegmentScan scan = ScanSegment(segment, 6, std::nullopt, records, "");
  EXPECT_EQ(scan.damage.size(), 1) << "batch 6 was lost";
  ASSERT_EQ(scan.batches.size(), 2);
  EXPECT_EQ(scan.batches[0].sequences, (SequenceRange{6, 7}));
  EXPECT_FALSE(scan.batches[0].complete);
  EXPECT_EQ(ScanSegment(segment, 7, 9, records, "").batches.back().sequences, (SequenceRange{8, 9}))
      << "the next segment begins at 9";
  EXPECT_THAT(ScanSegment(segment, 7, 7, records, "").batches, IsEmpty()) << "never acknowledged";
}

// Which identifiers are missing decides between votes that are known by name and lost ones.
TEST(SegmentScanTest, ABatchWithoutHeadIsCompleteOnlyWithAllItsIdentifiers) {
  const SegmentIdentity segment{ClusterId(1), NodeId(1), 1};
  std::vector<LogRecord> batch;
  for (uint64_t slot = 1; slot <= 3; ++slot) {
    batch.push_back({{RecordKind::kAccepted, kGroup, Slot(slot), {1, NodeId(1)}},
                     Slot(),
                     ValueOf(slot, 64 * slot)});
  }
  const EncodedBatch encoded = EncodeBatch(segment, kSegmentHeaderBytes, 1, batch);
  const std::string records(16 << 10, '\0');
  std::string all;
  for (const RecordDescriptor& record : encoded.head.records) {
    all +=
        EncodeIdentifier(segment, all.size() / kIdentifierBytes, {1, kSegmentHeaderBytes, record});
  }
  for (int lost = -1; lost < 3; ++lost) {
    std::string identifiers = all;
    if (lost >= 0) identifiers[static_cast<size_t>(lost) * kIdentifierBytes + 5] ^= 1;
    const SegmentScan scan = ScanSegment(segment, 1, std::nullopt, records, identifiers);
    ASSERT_EQ(scan.batches.size(), 1);
    EXPECT_EQ(scan.batches[0].complete, lost < 0) << lost;
    EXPECT_EQ(scan.batches[0].records.size(), lost < 0 ? 3 : 2) << lost;
  }
}

}  // namespace
}  // namespace synod::storage
