// What the hash of a store sees, and what it must not.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "services/kv/format.h"
#include "tests/unit/kv/random_requests.h"
#include "tests/unit/kv/store.h"

namespace synod::kv {
namespace {

bool Never() {
  return false;
}

ReadResult<HashResponse> TryHash(Store& store, Revision revision = 0) {
  return store.machine().View()->Hash(revision, Never);
}

uint32_t HashOf(Store& store, Revision revision = 0) {
  const ReadResult<HashResponse> result = TryHash(store, revision);
  SYNOD_CHECK(result.error == Error::kNone) << static_cast<int>(result.error);
  return result.response.hash;
}

// Revisions 2 to 6.
void Fill(Store& store) {
  store.Put("a", "1");
  store.Put("b", "1");
  store.Put("a", "2");
  store.Delete("b");
  store.Put("c", "1");
}

TEST(HashTest, SaysOfWhatItIs) {
  Store store;
  Fill(store);
  ASSERT_EQ(store.Compact(3), Error::kNone);
  const HashResponse newest = TryHash(store).response;
  EXPECT_EQ(newest.revision, 6);
  EXPECT_EQ(newest.compact_revision, 3);
  EXPECT_EQ(TryHash(store, 4).response.revision, 4);
  EXPECT_EQ(TryHash(store, 2).error, Error::kCompacted);
  EXPECT_EQ(TryHash(store, 3).error, Error::kNone) << "the floor itself can be read";
  EXPECT_EQ(TryHash(store, 7).error, Error::kFutureRevision);
}

// Members are never asked at the same moment: what has come since must not show.
TEST(HashTest, OfARevisionIsTheSameWhateverCameLater) {
  Store early;
  Fill(early);
  Store late;
  Fill(late);
  for (int i = 0; i < 20; ++i) late.Put(absl::StrCat("key", i % 3), std::string(100, 'x'));
  late.Delete("a", "d");
  for (Revision revision = 1; revision <= 6; ++revision) {
    EXPECT_EQ(HashOf(late, revision), HashOf(early, revision)) << revision;
  }
  EXPECT_NE(HashOf(late), HashOf(early));
}

// Applies one log at its own pace: in batches, flushes and erasures that no other replica shares.
class PacedReplica {
 public:
  PacedReplica(const std::vector<std::string>& log, uint64_t seed) : log_(log), random_(seed) {}

  bool done() const { return next_ == log_.size(); }

  void Step() {
    std::vector<SlotCommands> slots;
    for (uint64_t batch = random_.Between(1, 20); batch > 0 && !done(); --batch) {
      slots.push_back({Slot(next_ + 1), {log_[next_]}});
      ++next_;
    }
    SYNOD_CHECK(store_.machine().Apply(slots).ok());
    if (random_.Below(4) == 0) SYNOD_CHECK(store_.engine().Flush().ok());
    if (random_.Below(4) == 0) SYNOD_CHECK(store_.machine().DurableApplied().ok());
  }

  Store& store() { return store_; }

 private:
  const std::vector<std::string>& log_;
  Random random_;
  Store store_;
  size_t next_ = 0;
};

// Else the comparison of members would find differences where there are none.
TEST(HashTest, ReplicasOfOneLogNeverDiffer) {
  constexpr int kLogs = 20;
  constexpr int kCommands = 500;
  int compared = 0;
  for (uint64_t seed = 1; seed <= kLogs; ++seed) {
    Store reference;
    RandomRequests requests{Random(seed)};
    std::vector<std::string> log;
    for (int i = 0; i < kCommands; ++i) {
      const Request request = requests.Command(reference.revision());
      log.push_back(EncodeCommand(request));
      reference.Apply(request);
    }
    PacedReplica a(log, seed);
    PacedReplica b(log, seed + kLogs);
    Random random(seed);
    while (!a.done() || !b.done()) {
      PacedReplica& behind = random.Below(2) == 0 ? a : b;
      (behind.done() ? a.done() ? b : a : behind).Step();
      const Revision revision = std::min(a.store().revision(), b.store().revision());
      const ReadResult<HashResponse> ours = TryHash(a.store(), revision);
      const ReadResult<HashResponse> theirs = TryHash(b.store(), revision);
      if (ours.error != Error::kNone || theirs.error != Error::kNone) continue;
      if (ours.response.compact_revision != theirs.response.compact_revision) continue;
      ASSERT_EQ(ours.response.hash, theirs.response.hash) << "seed " << seed << " at " << revision;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10 * kLogs);
}

TEST(HashTest, SeesEveryDifferenceThatCanBeRead) {
  const auto hash = [](const std::function<void(Store&)>& fill) {
    Store store;
    fill(store);
    return HashOf(store);
  };
  const std::vector<std::function<void(Store&)>> different = {
      [](Store&) {},
      [](Store& store) { Fill(store); },
      [](Store& store) { store.Put("a", "1"); },
      [](Store& store) { store.Put("a", "2"); },
      [](Store& store) { store.Put("b", "1"); },
      [](Store& store) {
        store.Put("a", "1");
        store.Put("a", "1");
      },
      [](Store& store) {
        store.Put("a", "2");
        store.Put("a", "1");
      },
      [](Store& store) {
        store.Put("a", "1");
        store.Delete("a");
        store.Put("a", "1");
      },
      [](Store& store) {
        store.Put("a", "1");
        store.Put("a", "1");
        store.Compact(2);
      },
      [](Store& store) {
        store.Apply(TxnRequest{.success = {PutRequest{.key = "a", .value = "1"},
                                           PutRequest{.key = "b", .value = "1"}}});
      },
      [](Store& store) {
        store.Apply(TxnRequest{.success = {PutRequest{.key = "b", .value = "1"},
                                           PutRequest{.key = "a", .value = "1"}}});
      },
  };
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(hash(different[i]), hash(different[j])) << i << j;
  }
}

// One bit of one version that nobody has read since.
TEST(HashTest, SeesAVersionThatRotted) {
  Store store;
  Fill(store);
  const uint32_t sound = HashOf(store);
  std::string bytes;
  const std::string key = HistoryKey({2, 0});
  ASSERT_TRUE(*store.engine().Get(storage::Column::kHistory, key, &bytes));
  const size_t value = bytes.rfind('1');
  ASSERT_NE(value, std::string::npos);
  bytes[value] ^= 2;
  const auto batch = store.engine().NewBatch();
  batch->Put(storage::Column::kHistory, key, bytes);
  ASSERT_TRUE(store.engine().Write(*batch).ok());
  store.ApplyBytes({});  // a new view
  EXPECT_NE(HashOf(store), sound);
}

TEST(HashTest, OfAViewThatACompactionOvertookIsNone) {
  Store store;
  Fill(store);
  const auto view = store.machine().View();
  ASSERT_EQ(store.Compact(5), Error::kNone);
  EXPECT_EQ(view->Hash(0, Never).error, Error::kNone) << "nothing is gone yet";
  ASSERT_TRUE(store.engine().Flush().ok());
  ASSERT_TRUE(store.machine().DurableApplied().ok());
  EXPECT_EQ(view->Hash(0, Never).error, Error::kCompacted);
  EXPECT_EQ(TryHash(store).error, Error::kNone);
}

TEST(HashTest, EndsWhenNobodyWaitsForIt) {
  Store keys;
  for (int i = 0; i < 300; ++i) keys.Put(absl::StrCat("k", i), "v");
  Store history;
  for (int i = 0; i < 300; ++i) history.Put("k", absl::StrCat(i));
  for (Store* store : {&keys, &history}) {
    EXPECT_EQ(store->machine().View()->Hash(0, [] { return true; }).error, Error::kGivenUp);
  }
}

}  // namespace
}  // namespace synod::kv
