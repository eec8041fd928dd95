// The search for a linearization, on histories known to have one and known to have none.
#include "tests/sim/linearizer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/sim/kv_model.h"

namespace synod::sim {
namespace {

constexpr SearchLimits kLimits{300, 100'000};

// Builds a history whose answers come from a model that takes the operations in the order of the
// calls, whatever times they are given.
class Histories {
 public:
  Histories& Put(double sent, double answered, const std::string& value) {
    WriteOperation write;
    kv::PutRequest put;
    put.key = "k";
    put.value = value;
    put.prev_kv = true;
    write.request = put;
    write.reply = {Outcome::kOk, model_.Apply(write.request)};
    Add(sent, answered, std::move(write));
    return *this;
  }
  // Was carried out, but nobody heard.
  Histories& SilentPut(double sent, const std::string& value) {
    Put(sent, 0, value);
    return Silence();
  }
  Histories& Read(double sent, double answered) { return ReadAt(sent, answered, 0); }
  // Shows the state of `revision`, or today's.
  Histories& ReadAt(double sent, double answered, kv::Revision revision) {
    if (revision == 0) revision = model_.revision();
    ReadOperation read;
    read.request.key = "k";
    read.reply = {Outcome::kOk, model_.Range(read.request, revision), revision};
    Add(sent, answered, std::move(read));
    return *this;
  }
  Histories& Silence() {
    history_.back().answered = absl::InfiniteDuration();
    std::get<WriteOperation>(history_.back().body).reply = {};
    return *this;
  }
  // The last operation is forgotten by the model's clients, as if it had never been sent.
  Histories& Drop() {
    history_.pop_back();
    return *this;
  }
  Operation& last() { return history_.back(); }

  SearchOutcome Search(const SearchLimits& limits = kLimits) const {
    return SearchLinearization(history_, limits);
  }

 private:
  template <class Body>
  void Add(double sent, double answered, Body body) {
    Operation& operation = history_.emplace_back();
    operation.sent = absl::Seconds(sent);
    operation.answered = absl::Seconds(answered);
    operation.body = std::move(body);
  }

  KvModel model_;
  History history_;
};

TEST(LinearizerTest, AcceptsWhatHappensOneByOne) {
  EXPECT_EQ(Histories().Search(), SearchOutcome::kLinearizable);
  EXPECT_EQ(Histories().Put(1, 2, "a").Read(3, 4).Put(5, 6, "b").Read(7, 8).Search(),
            SearchOutcome::kLinearizable);
}

TEST(LinearizerTest, LetsOperationsBesideEachOtherComeInAnyOrder) {
  // The model took "b" last, though it was sent first and both were under way together.
  EXPECT_EQ(Histories().Put(2, 10, "a").Put(1, 9, "b").Read(11, 12).Search(),
            SearchOutcome::kLinearizable);
}

TEST(LinearizerTest, RefusesAnOrderAgainstTime) {
  EXPECT_EQ(Histories().Put(3, 4, "a").Put(1, 2, "b").Search(), SearchOutcome::kNotLinearizable);
}

TEST(LinearizerTest, RefusesAStaleRead) {
  EXPECT_EQ(Histories().Put(1, 2, "a").Put(3, 4, "b").ReadAt(5, 6, 2).Search(),
            SearchOutcome::kNotLinearizable);
  EXPECT_EQ(Histories().Put(1, 2, "a").Put(3, 7, "b").ReadAt(5, 6, 2).Search(),
            SearchOutcome::kLinearizable);
}

TEST(LinearizerTest, TreatsAnAnswerAtTheInstantOfASendAsConcurrent) {
  EXPECT_EQ(Histories().Put(1, 2, "a").Put(3, 5, "b").ReadAt(5, 6, 2).Search(),
            SearchOutcome::kLinearizable);
}

TEST(LinearizerTest, RefusesAReadOfWhatNobodyWrote) {
  EXPECT_EQ(Histories().Put(1, 2, "a").Put(3, 4, "b").Drop().Read(5, 6).Search(),
            SearchOutcome::kNotLinearizable);
}

TEST(LinearizerTest, RefusesAReadThatGoesBack) {
  Histories histories;
  histories.Put(1, 2, "a").Put(3, 20, "b").Read(5, 6);
  EXPECT_EQ(histories.Search(), SearchOutcome::kLinearizable);
  EXPECT_EQ(histories.ReadAt(7, 8, 2).Search(), SearchOutcome::kNotLinearizable);
}

TEST(LinearizerTest, PlacesAWriteWithoutAnAnswerAnywhereOrNowhere) {
  // Seen long after it was sent.
  EXPECT_EQ(Histories().Put(1, 2, "a").SilentPut(3, "lost?").Read(50, 51).Search(),
            SearchOutcome::kLinearizable);
  // Never seen.
  EXPECT_EQ(Histories().Put(1, 2, "a").SilentPut(3, "lost?").ReadAt(50, 51, 2).Search(),
            SearchOutcome::kLinearizable);
  // Seen before it was sent.
  EXPECT_EQ(Histories().Put(1, 2, "a").SilentPut(9, "lost?").Read(5, 6).Search(),
            SearchOutcome::kNotLinearizable);
}

TEST(LinearizerTest, RefusesAWriteThatIsSeenAndThenUndone) {
  Histories histories;
  histories.Put(1, 2, "a").SilentPut(3, "b").Read(5, 6).ReadAt(7, 8, 2);
  EXPECT_EQ(histories.Search(), SearchOutcome::kNotLinearizable);
}

TEST(LinearizerTest, IgnoresSerializableAndRefusedOperations) {
  Histories stale;
  stale.Put(1, 2, "a").Put(3, 4, "b").ReadAt(5, 6, 2);
  std::get<ReadOperation>(stale.last().body).request.serializable = true;
  EXPECT_EQ(stale.Search(), SearchOutcome::kLinearizable);
  Histories refused;
  refused.Put(1, 2, "a").Put(3, 4, "b");
  std::get<WriteOperation>(refused.last().body).reply = {Outcome::kRefused, {}};
  EXPECT_EQ(refused.Search(), SearchOutcome::kLinearizable);
}

// Twelve writers at once: without the memory of states this would be 12! orders.
TEST(LinearizerTest, FindsOneOrderAmongMany) {
  Histories histories;
  for (int i = 0; i < 12; ++i) histories.Put(1, 100, "v" + std::to_string(i));
  histories.Read(101, 102);
  EXPECT_EQ(histories.Search(), SearchOutcome::kLinearizable);
}

TEST(LinearizerTest, SaysWhenItGivesUp) {
  Histories histories;
  for (int i = 0; i < 12; ++i) histories.SilentPut(1, "v" + std::to_string(i));
  histories.ReadAt(101, 102, 5);
  std::get<ReadOperation>(histories.last().body).reply.response.kvs[0].value = "never written";
  EXPECT_EQ(histories.Search({300, 1000}), SearchOutcome::kGaveUp);
  EXPECT_EQ(histories.Search({12, 1000}), SearchOutcome::kTooLong);
}

}  // namespace
}  // namespace synod::sim
