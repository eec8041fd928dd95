// What has to be durable before what: rules that show only when power fails, or a disk, between two
// writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "common/random.h"
#include "services/storage/log_files.h"
#include "services/storage/record_codec.h"
#include "tests/unit/storage/open_log.h"

namespace synod::storage {
namespace {

constexpr uint64_t kSeeds = 30;

// For good: a loss of power does not bring the old byte back.
void Rot(FaultEnv& env, const std::string& path, size_t at) {
  const auto file = env.Open(path).value();
  const char rotten = static_cast<char>(env.Contents(path)[at] ^ 1);
  ASSERT_TRUE(file->WriteAt(at, absl::string_view(&rotten, 1)).ok());
  ASSERT_TRUE(file->Sync().ok());
}

paxos::Ballot Promised(FaultEnv& env) {
  const auto log = AcceptorLog::Open(&env, Options());
  EXPECT_TRUE(log.ok()) << log.status();
  return log.ok() ? (*log)->State(kGroup).promised : paxos::Ballot();
}

// The newer copy may have come from the page cache, after a sync that failed. A promise that was
// read once, and perhaps told, must not hang on the other copy alone.
TEST(AcceptorLogOrderTest, BothCopiesOfTheManifestHoldWhatAStartFound) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    FaultEnv env;
    auto log = AcceptorLog::Open(&env, Options()).value();
    ASSERT_TRUE(log->Append({{Promise(1, 3)}}).ok());
    ASSERT_TRUE(log->Sync().ok());
    ASSERT_TRUE(log->Append({{Promise(1, 5)}}).ok());
    env.FailFrom(2);  // the sync of the first copy
    ASSERT_FALSE(log->Sync().ok());
    log.reset();
    env.KillProcess();
    const paxos::Ballot promised = Promised(env);
    ASSERT_EQ(promised.round, 5u);
    Random random(seed);
    env.LosePower(random);
    for (const char copy : {'a', 'b'}) {
      const auto image = env.Clone();
      Rot(*image, ManifestPath("log", copy), 10);
      EXPECT_EQ(Promised(*image), promised) << "without copy " << copy << ", seed " << seed;
    }
  }
}

// Whatever happens to the disk while a bad copy is made anew: the good one is there.
TEST(AcceptorLogOrderTest, TheGoodCopyOfTheManifestIsNotTouchedBeforeTheOtherIsMended) {
  FaultEnv env;
  auto log = AcceptorLog::Open(&env, Options()).value();
  ASSERT_TRUE(log->Append({{Promise(1, 5)}}).ok());
  ASSERT_TRUE(log->Sync().ok());
  log.reset();
  for (const auto& [good, bad] : std::map<char, char>{{'a', 'b'}, {'b', 'a'}}) {
    const std::string good_path = ManifestPath("log", good);
    bool opened = false;
    int touched = 0;
    for (uint64_t operation = 1; !opened; ++operation) {
      const auto image = env.Clone();
      const std::string before = image->Contents(good_path);
      Rot(*image, ManifestPath("log", bad), 10);
      image->FailFrom(operation);
      opened = AcceptorLog::Open(image.get(), Options()).ok();
      if (image->Contents(good_path) == before) continue;
      ++touched;
      Random random(operation);
      image->LosePower(random);
      Rot(*image, good_path, 10);
      EXPECT_EQ(Promised(*image).round, 5u) << "operation " << operation;
    }
    EXPECT_GT(touched, 1) << "while it failed, too";
  }
}

// Identifiers are synced when their segment is full; from then on a record that cannot be read has
// a slot and a ballot.
TEST(AcceptorLogOrderTest, IdentifiersOfAFullSegmentSurviveAPowerLoss) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    FaultEnv env;
    auto log = AcceptorLog::Open(&env, Options()).value();
    for (uint64_t slot = 1; slot <= 20; ++slot) {
      ASSERT_TRUE(log->Append({{Accepted(1, slot, 1, ValueOf(slot, 4000))}}).ok());
      ASSERT_TRUE(log->Sync().ok());
    }
    ASSERT_TRUE(env.Open(RecordsPath("log", 2)).ok()) << "the first segment is full";
    env.FailFrom(1);
    log.reset();
    Random random(seed);
    env.LosePower(random);
    Rot(env, RecordsPath("log", 1), kSegmentHeaderBytes + 10);
    log = AcceptorLog::Open(&env, Options()).value();
    const GroupLogState state = log->State(kGroup);
    EXPECT_EQ(state.lost_through, paxos::Ballot()) << "seed " << seed;
    ASSERT_EQ(state.unknown.size(), 1u) << "seed " << seed;
    EXPECT_EQ(state.unknown[0].slot, Slot(1));
  }
}

}  // namespace
}  // namespace synod::storage
