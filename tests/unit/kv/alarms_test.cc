// What raised alarms forbid, and that every replica agrees on them whatever it went through.
#include "services/kv/alarms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/kv/format.h"
#include "tests/unit/kv/store.h"

namespace synod::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Alarm kNoSpace1{NodeId(1), AlarmType::kNoSpace};
constexpr Alarm kNoSpace2{NodeId(2), AlarmType::kNoSpace};
constexpr Alarm kCorrupt1{NodeId(1), AlarmType::kCorrupt};

AlarmRequest Activate(Alarm alarm) {
  return {.action = AlarmAction::kActivate, .alarm = alarm};
}
AlarmRequest Deactivate(Alarm alarm) {
  return {.action = AlarmAction::kDeactivate, .alarm = alarm};
}

std::vector<Alarm> Answer(Store& store, const AlarmRequest& request) {
  const Result result = store.Apply(request);
  EXPECT_EQ(result.error, Error::kNone);
  EXPECT_EQ(result.revision, store.revision());
  return std::get<AlarmResponse>(result.response).alarms;
}

std::vector<Alarm> Raised(Store& store, AlarmType type = AlarmType::kNone) {
  const auto alarms = store.machine().View()->Alarms(type);
  EXPECT_EQ(alarms.error, Error::kNone);
  return alarms.response.alarms;
}

const PutRequest kPut{.key = "a", .value = "1"};

// A transaction whose then-branch is `operation`, `depth` levels down.
TxnRequest Then(Operation operation, int depth = 1) {
  TxnRequest txn;
  txn.success.push_back(depth == 1 ? std::move(operation) : Then(std::move(operation), depth - 1));
  return txn;
}

TEST(AlarmsTest, AnswersWithTheAlarmRaisedOrDisarmed) {
  Store store;
  EXPECT_THAT(Answer(store, Deactivate(kNoSpace1)), IsEmpty());
  EXPECT_THAT(Answer(store, Activate(kNoSpace1)), ElementsAre(kNoSpace1));
  EXPECT_THAT(Answer(store, Activate(kNoSpace1)), ElementsAre(kNoSpace1)) << "again";
  EXPECT_THAT(Answer(store, Activate({NodeId(1), AlarmType::kNone})), IsEmpty());
  EXPECT_THAT(Answer(store, Deactivate({NodeId(1), AlarmType::kNone})), IsEmpty());
  EXPECT_THAT(Answer(store, Deactivate(kNoSpace2)), IsEmpty()) << "another member's";
  EXPECT_THAT(Answer(store, Deactivate(kNoSpace1)), ElementsAre(kNoSpace1));
  EXPECT_THAT(Answer(store, Deactivate(kNoSpace1)), IsEmpty()) << "again";
  EXPECT_EQ(store.revision(), 1);
}

TEST(AlarmsTest, AreListedByMemberAndKind) {
  Store store;
  EXPECT_THAT(Raised(store), IsEmpty());
  for (const Alarm alarm : {kNoSpace2, kCorrupt1, kNoSpace1}) store.Apply(Activate(alarm));
  EXPECT_THAT(Raised(store), ElementsAre(kNoSpace1, kCorrupt1, kNoSpace2));
  EXPECT_THAT(Raised(store, AlarmType::kNoSpace), ElementsAre(kNoSpace1, kNoSpace2));
  EXPECT_THAT(Raised(store, AlarmType::kCorrupt), ElementsAre(kCorrupt1));
}

TEST(AlarmsTest, WithoutSpaceNothingIsPutAndTheRestRuns) {
  Store store;
  store.Put("a", "0");
  store.Put("b", "0");
  store.Apply(Activate(kNoSpace1));
  store.Apply(Activate(kNoSpace2));

  TxnRequest otherwise;
  otherwise.failure.emplace_back(kPut);
  for (const Request& grows :
       {Request(kPut), Request(Then(kPut)), Request(Then(kPut, 3)), Request(otherwise)}) {
    const Result result = store.Apply(grows);
    EXPECT_EQ(result.error, Error::kNoSpace) << grows.index();
    EXPECT_EQ(result.revision, 3);
    EXPECT_EQ(store.machine().Refuses(grows), Error::kNoSpace);
  }
  EXPECT_EQ(store.Get("a")[0].value, "0");
  EXPECT_EQ(store.Delete("a").deleted, 1);
  EXPECT_EQ(store.Apply(Then(DeleteRangeRequest{.key = "b"})).revision, 5);
  EXPECT_EQ(store.Apply(Then(RangeRequest{.key = "b"})).error, Error::kNone);
  EXPECT_EQ(store.Compact(4), Error::kNone);
  EXPECT_EQ(store.machine().Refuses(DeleteRangeRequest{.key = "a"}), Error::kNone);

  // Every member has to be well again.
  store.Apply(Deactivate(kNoSpace1));
  EXPECT_EQ(store.Apply(kPut).error, Error::kNoSpace);
  store.Apply(Deactivate(kNoSpace2));
  EXPECT_EQ(store.Apply(kPut).error, Error::kNone);
  EXPECT_EQ(store.machine().Refuses(kPut), Error::kNone);
}

TEST(AlarmsTest, WithCorruptDataNothingIsWritten) {
  Store store;
  store.Put("a", "0");
  store.Apply(Activate(kNoSpace1));
  store.Apply(Activate(kCorrupt1));
  for (const Request& writes :
       {Request(kPut), Request(DeleteRangeRequest{.key = "a"}), Request(Then(kPut)),
        Request(Then(DeleteRangeRequest{.key = "a"})), Request(CompactRequest{.revision = 2})}) {
    EXPECT_EQ(store.Apply(writes).error, Error::kCorrupt) << writes.index();
    EXPECT_EQ(store.machine().Refuses(writes), Error::kCorrupt);
  }
  EXPECT_EQ(store.Get("a")[0].value, "0");
  EXPECT_THAT(Answer(store, Deactivate(kCorrupt1)), ElementsAre(kCorrupt1));
  EXPECT_EQ(store.Apply(kPut).error, Error::kNoSpace);
}

TEST(AlarmsTest, TakeEffectWithinTheSlot) {
  Store store;
  const std::string put = EncodeCommand(kPut);
  const std::string raise = EncodeCommand(Activate(kNoSpace1));
  const std::string disarm = EncodeCommand(Deactivate(kNoSpace1));
  const auto results = store.ApplyBytes({put, raise, put, disarm, put});
  EXPECT_EQ(results[0].error, Error::kNone);
  EXPECT_EQ(results[2].error, Error::kNoSpace);
  EXPECT_EQ(results[4].error, Error::kNone);
  EXPECT_EQ(store.revision(), 3);
}

TEST(AlarmsTest, LastAsLongAsTheSlotThatRaisedThem) {
  Store store;
  store.Put("a", "0");
  store.Apply(Activate(kNoSpace2));
  ASSERT_TRUE(store.engine().Flush().ok());
  store.Apply(Deactivate(kNoSpace2));
  store.Apply(Activate(kCorrupt1));
  store.Reopen();  // at the flush
  EXPECT_THAT(Raised(store), ElementsAre(kNoSpace2));
  EXPECT_EQ(store.machine().Refuses(kPut), Error::kNoSpace);
  EXPECT_EQ(store.Apply(kPut).error, Error::kNoSpace);
}

TEST(AlarmsTest, AreNoPartOfTheHashNorOfAnOlderView) {
  Store store;
  store.Put("a", "0");
  const auto hash = store.machine().Hash();
  const auto view = store.machine().View();
  store.Apply(Activate(kNoSpace1));
  EXPECT_EQ(*store.machine().Hash(), *hash);
  EXPECT_THAT(view->Alarms(AlarmType::kNone).response.alarms, IsEmpty());
}

TEST(AlarmsTest, AreBounded) {
  Store store;
  for (uint64_t member = 1; member <= Alarms::kMost; ++member) {
    store.Apply(Activate({NodeId(member), AlarmType::kCorrupt}));
  }
  EXPECT_THAT(Answer(store, Activate({NodeId(9999), AlarmType::kCorrupt})), IsEmpty());
  EXPECT_THAT(Answer(store, Activate(kCorrupt1)), ElementsAre(kCorrupt1)) << "raised already";
  EXPECT_EQ(Raised(store).size(), Alarms::kMost);
  store.Apply(Deactivate(kCorrupt1));
  EXPECT_THAT(Answer(store, Activate({NodeId(9999), AlarmType::kCorrupt})),
              ElementsAre(Alarm{NodeId(9999), AlarmType::kCorrupt}));
  ASSERT_TRUE(store.engine().Flush().ok());
  store.Reopen();
  EXPECT_EQ(Raised(store).size(), Alarms::kMost);
}

TEST(AlarmsTest, DamagedBytesAreDataLoss) {
  const Alarms empty;
  Alarms one;
  one.Activate(kNoSpace1);
  const auto load = [](const std::string& bytes) {
    const auto engine = storage::OpenMemoryEngine(std::make_shared<storage::MemoryDisk>()).value();
    const auto batch = engine->NewBatch();
    batch->Put(storage::Column::kMeta, kAlarmsKey, bytes);
    SYNOD_CHECK(engine->Write(*batch).ok());
    return Alarms::Load(*engine);
  };
  const std::string bytes = one.Encode();
  ASSERT_TRUE(load(bytes).ok());
  EXPECT_THAT(load(bytes)->List(AlarmType::kNone), ElementsAre(kNoSpace1));
  EXPECT_THAT(load(empty.Encode())->List(AlarmType::kNone), IsEmpty());
  const std::string member = bytes.substr(0, 8);
  for (const std::string& bad : {bytes.substr(1), bytes + "x", bytes + bytes,
                                 member + std::string(1, '\0'), member + '\x03'}) {
    EXPECT_EQ(load(bad).status().code(), absl::StatusCode::kDataLoss) << bad.size();
  }
}

}  // namespace
}  // namespace synod::kv
