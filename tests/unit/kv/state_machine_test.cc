// What single commands do to the store: revisions, versions, and what is refused.
#include "services/kv/state_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/kv/format.h"
#include "tests/unit/kv/store.h"

namespace synod::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StateMachineTest, EmptyStoreHasRevisionOneAndNothingCompacted) {
  Store store;
  EXPECT_EQ(store.revision(), 1);
  EXPECT_EQ(store.machine().View()->compact_revision(), -1);
  EXPECT_EQ(store.machine().applied(), Slot());
  EXPECT_EQ(store.Range({.key = "a", .range_end = FromKey()}).count, 0);
}

TEST(StateMachineTest, PutsCountVersionsAndKeepTheCreateRevision) {
  Store store;
  EXPECT_EQ(store.Put("a", "1").revision, 2);
  EXPECT_EQ(store.Put("a", "2").revision, 3);
  EXPECT_THAT(
      store.Get("a"),
      ElementsAre(KeyValue{
          .key = "a", .value = "2", .create_revision = 2, .mod_revision = 3, .version = 2}));
}

TEST(StateMachineTest, VersionAndCreateRevisionRestartAfterDelete) {
  Store store;
  store.Put("a", "1");
  store.Put("a", "2");
  EXPECT_EQ(store.Delete("a").deleted, 1);
  EXPECT_THAT(store.Get("a"), IsEmpty());
  store.Put("a", "3");
  EXPECT_THAT(
      store.Get("a"),
      ElementsAre(KeyValue{
          .key = "a", .value = "3", .create_revision = 5, .mod_revision = 5, .version = 1}));
}

TEST(StateMachineTest, DeleteOfNothingMakesNoRevision) {
  Store store;
  store.Put("a", "1");
  const Result result = store.Apply(DeleteRangeRequest{.key = "b", .range_end = "c"});
  EXPECT_EQ(result.error, Error::kNone);
  EXPECT_EQ(result.revision, 2);
  EXPECT_EQ(store.revision(), 2);
  EXPECT_EQ(store.machine().applied(), Slot(2));
}

TEST(StateMachineTest, DeleteRangeIsOneRevisionAndReturnsThePreviousPairs) {
  Store store;
  store.Put("a", "1");
  store.Put("b", "2");
  store.Put("c", "3");
  const Result result =
      store.Apply(DeleteRangeRequest{.key = "a", .range_end = "c", .prev_kv = true});
  EXPECT_EQ(result.revision, 5);
  const auto& response = std::get<DeleteRangeResponse>(result.response);
  EXPECT_EQ(response.deleted, 2);
  ASSERT_EQ(response.prev_kvs.size(), 2u);
  EXPECT_EQ(response.prev_kvs[0].value, "1");
  EXPECT_EQ(response.prev_kvs[1].value, "2");
  EXPECT_EQ(store.Range({.key = "a", .range_end = FromKey()}).count, 1);
}

TEST(StateMachineTest, PutReturnsThePreviousPairOnlyWhenAsked) {
  Store store;
  const auto put = [&](bool prev_kv) {
    return std::get<PutResponse>(
        store.Apply(PutRequest{.key = "a", .value = "v", .prev_kv = prev_kv}).response);
  };
  EXPECT_EQ(put(true).prev_kv, std::nullopt);
  EXPECT_EQ(put(false).prev_kv, std::nullopt);
  EXPECT_EQ(put(true).prev_kv->version, 2);
}

TEST(StateMachineTest, IgnoreValueKeepsTheValueAndNeedsTheKey) {
  Store store;
  const PutRequest touch{.key = "a", .ignore_value = true};
  EXPECT_EQ(store.Apply(touch).error, Error::kKeyNotFound);
  EXPECT_EQ(store.revision(), 1);
  store.Put("a", "kept");
  EXPECT_EQ(store.Apply(touch).revision, 3);
  EXPECT_EQ(store.Get("a")[0].value, "kept");
  store.Delete("a");
  EXPECT_EQ(store.Apply(touch).error, Error::kKeyNotFound);
  EXPECT_EQ(store.Apply(PutRequest{.key = "a", .ignore_lease = true}).error, Error::kKeyNotFound);
}

TEST(StateMachineTest, AnyLeaseIsUnknown) {
  Store store;
  // The lease is looked at before the key, as in etcd.
  const PutRequest put{.key = "a", .lease = 7, .ignore_value = true};
  EXPECT_EQ(store.Apply(put).error, Error::kLeaseNotFound);
  EXPECT_EQ(store.revision(), 1);
}

TEST(StateMachineTest, AnUndecodableCommandHasNoEffectAndTheRestOfTheSlotRuns) {
  Store store;
  const std::string put = EncodeCommand(PutRequest{.key = "a", .value = "1"});
  const auto results = store.ApplyBytes({"", put, "nonsense"});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].error, Error::kCorrupt);
  EXPECT_EQ(results[1].error, Error::kNone);
  EXPECT_EQ(results[2].error, Error::kCorrupt);
  EXPECT_EQ(store.revision(), 2);
}

TEST(StateMachineTest, CommandsOfOneApplySeeEachOther) {
  Store store;
  const std::string one = EncodeCommand(PutRequest{.key = "a", .value = "1"});
  const std::string two = EncodeCommand(PutRequest{.key = "a", .value = "2", .prev_kv = true});
  const std::string del = EncodeCommand(DeleteRangeRequest{.key = "a", .range_end = "z"});
  const auto results = store.ApplyBytes({one, two, del, one});
  EXPECT_EQ(std::get<PutResponse>(results[1].response).prev_kv->value, "1");
  EXPECT_EQ(std::get<DeleteRangeResponse>(results[2].response).deleted, 1);
  EXPECT_EQ(results[3].revision, 5);
  EXPECT_EQ(store.Get("a")[0].version, 1);
  EXPECT_EQ(store.Get("a", 3)[0].value, "2");
}

TEST(StateMachineTest, ReplayedSlotsChangeNothingAndHaveNoResults) {
  Store store;
  store.Put("a", "1");
  const std::string put = EncodeCommand(PutRequest{.key = "a", .value = "2"});
  const std::vector<SlotCommands> slots = {{Slot(1), {put}}, {Slot(2), {put}}, {Slot(3), {}}};
  const auto results = store.machine().Apply(slots);
  ASSERT_TRUE(results.ok());
  EXPECT_EQ(results->size(), 1u);
  EXPECT_EQ(store.machine().applied(), Slot(3));
  EXPECT_EQ(store.revision(), 3);
}

TEST(StateMachineTest, AViewStaysWhatItWas) {
  Store store;
  store.Put("a", "1");
  const auto view = store.machine().View();
  store.Put("a", "2");
  store.Delete("a");
  EXPECT_EQ(view->revision(), 2);
  EXPECT_EQ(view->applied(), Slot(1));
  EXPECT_EQ(view->Range({.key = "a"}).response.kvs[0].value, "1");
  EXPECT_EQ(view->Range({.key = "a", .revision = 3}).error, Error::kFutureRevision);
  EXPECT_EQ(store.machine().View()->applied(), Slot(3));
}

TEST(StateMachineTest, ACrashGoesBackToTheFlushedSlot) {
  Store store;
  store.Put("a", "1");
  EXPECT_EQ(*store.machine().DurableApplied(), Slot());
  ASSERT_TRUE(store.engine().Flush().ok());
  store.Put("a", "2");
  EXPECT_EQ(*store.machine().DurableApplied(), Slot(1));
  store.Reopen();
  EXPECT_EQ(store.machine().applied(), Slot(1));
  EXPECT_EQ(store.Get("a")[0].value, "1");
}

TEST(StateMachineTest, ConfigurationsAreKeptWithTheSlotThatBroughtThem) {
  Store store;
  EXPECT_EQ(store.machine().configurations(), "");
  const std::vector<SlotCommands> first = {{Slot(1), {}, "one"}, {Slot(2), {}}};
  ASSERT_TRUE(store.machine().Apply(first).ok());
  EXPECT_EQ(store.machine().configurations(), "one");
  ASSERT_TRUE(store.engine().Flush().ok());
  // The newest of one Apply wins, and a slot that is skipped says nothing.
  const std::vector<SlotCommands> more = {
      {Slot(2), {}, "old"}, {Slot(3), {}, "two"}, {Slot(4), {}, "three"}, {Slot(5), {}}};
  ASSERT_TRUE(store.machine().Apply(more).ok());
  EXPECT_EQ(store.machine().configurations(), "three");
  store.Reopen();
  EXPECT_EQ(store.machine().applied(), Slot(2));
  EXPECT_EQ(store.machine().configurations(), "one");
}

TEST(StateMachineTest, OpenRefusesANewerFormat) {
  Store store;
  auto batch = store.engine().NewBatch();
  batch->Put(storage::Column::kMeta, kFormatKey, std::string("\2\0\0\0", 4));
  ASSERT_TRUE(store.engine().Write(*batch).ok());
  EXPECT_EQ(StateMachine::Open(&store.engine()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(StateMachineTest, OpenRefusesAStateWithoutItsHistory) {
  Store store;
  store.Put("a", "1");
  store.Put("a", "2");
  auto batch = store.engine().NewBatch();
  batch->Delete(storage::Column::kHistory, HistoryKey({3, 0}));
  ASSERT_TRUE(store.engine().Write(*batch).ok());
  EXPECT_EQ(StateMachine::Open(&store.engine()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(StateMachineTest, OpenRefusesMissingOrDamagedMeta) {
  for (const char* key : {kFormatKey, kStateKey}) {
    for (const bool remove : {true, false}) {
      Store store;
      auto batch = store.engine().NewBatch();
      if (remove) {
        batch->Delete(storage::Column::kMeta, key);
      } else {
        batch->Put(storage::Column::kMeta, key, "x");
      }
      ASSERT_TRUE(store.engine().Write(*batch).ok());
      EXPECT_EQ(StateMachine::Open(&store.engine()).status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace synod::kv
