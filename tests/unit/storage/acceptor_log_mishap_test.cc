// Random lives of a log, and then several damages at once: whatever comes together, no vote is
// silently absent, nothing is invented and nothing stale passes for chosen.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/log_files.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {
namespace {

const GroupId kGroup(1);
constexpr uint64_t kSector = 512;

// An acceptor as the consensus makes it: ballots never fall, slots are learned one after the other
// and not voted for again, and every slot has one chosen value.
class Mishap {
 public:
  explicit Mishap(uint64_t seed) : random_(seed) {}

  void Run() {
    Live();
    std::string what;
    for (int start = 0; start < 3; ++start) {
      for (uint64_t i = start + random_.Below(3); i > 0; --i) what += Damage() + "; ";
      SCOPED_TRACE(what);
      ASSERT_TRUE(env_.SyncDir("log").ok());
      Check();
    }
  }

  int lost() const { return lost_; }
  int stale() const { return stale_; }

 private:
  struct Vote {
    uint64_t round = 0;
    uint64_t value = 0;  // its number
    uint64_t bytes = 0;
  };

  static std::unique_ptr<AcceptorLog> Open(FaultEnv& env) {
    AcceptorLogOptions options;
    options.dir = "log";
    options.cluster = ClusterId(1);
    options.node = NodeId(1);
    options.segment_bytes = 16 << 10;
    options.spare_segments = 0;
    auto log = AcceptorLog::Open(&env, options);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }

  void Live() {
    const auto log = Open(env_);
    for (uint64_t batch = 40 + random_.Below(80); batch > 0; --batch) {
      std::vector<paxos::Record> records;
      for (uint64_t i = 1 + random_.Below(4); i > 0; --i) records.push_back(NextRecord());
      ASSERT_TRUE(log->Append(records).ok());
      ASSERT_TRUE(log->Sync().ok());
      last_batch_ = records;
      all_.insert(all_.end(), records.begin(), records.end());
    }
  }

  paxos::Record NextRecord() {
    round_ += random_.Chance(0.08);
    if (random_.Chance(0.3)) {
      ++chosen_;
      // Sometimes the node's own vote turns out to be the chosen value, and nothing is written.
      const auto vote = votes_.find(chosen_);
      const bool own = vote != votes_.end() && random_.Chance(0.5);
      final_[chosen_] = own ? vote->second.value : ++value_;
      if (!own) return Learned(1, chosen_, ValueOf(final_[chosen_], random_.Below(700)));
    }
    const uint64_t slot = chosen_ + 1 + random_.Below(12);
    // One value per slot and ballot.
    Vote& vote = votes_[slot];
    if (vote.round < round_) vote = {round_, ++value_, random_.Below(700)};
    return Accepted(1, slot, round_, ValueOf(vote.value, vote.bytes), chosen_);
  }

  std::string Damage() {
    std::vector<std::string> files;
    for (const std::string& path : env_.Paths()) {
      if (path.find("segment-") != std::string::npos) files.push_back(path);
    }
    const std::string path = files[random_.Below(files.size())];
    std::string& bytes = env_.Contents(path);
    const uint64_t at = bytes.empty() ? 0 : random_.Below(bytes.size());
    switch (random_.Below(6)) {
      case 0:
        EXPECT_TRUE(env_.Remove(path).ok());
        return path + " gone";
      case 1:
        bytes.resize(at);
        return path + " cut short";
      case 2:
        env_.MakeUnreadable(path, at, 1 + random_.Below(4000));
        return path + " unreadable";
      case 3:
        for (uint64_t i = at; i < std::min<uint64_t>(bytes.size(), at + 3000); ++i)
          bytes[i] ^= 0x55;
        return path + " scribbled on";
      case 4: {
        const uint64_t from = bytes.empty() ? 0 : random_.Below(bytes.size()) / kSector * kSector;
        const std::string sectors = bytes.substr(from, 2 * kSector);
        const uint64_t to = at / kSector * kSector;
        bytes.replace(to, std::min<uint64_t>(sectors.size(), bytes.size() - to), sectors, 0,
                      bytes.size() - to);
        return path + " written in the wrong place";
      }
      default:
        if (!bytes.empty()) bytes[at] ^= static_cast<char>(1 << random_.Below(8));
        return path + " a bit";
    }
  }

  void Check() {
    const auto log = Open(env_);
    ASSERT_NE(log, nullptr);
    const GroupLogState state = log->State(kGroup);
    std::map<uint64_t, paxos::Ballot> unknown;
    for (const auto& vote : state.unknown) unknown[vote.slot.value()] = vote.bound;
    std::map<uint64_t, paxos::AcceptedValue> found;
    const std::vector<paxos::AcceptedValue> values = log->ReadAbove(kGroup, Slot()).value();
    for (const paxos::AcceptedValue& value : values) found[value.slot.value()] = value;

    for (const auto& [slot, newest] : Newest()) {
      const auto it = found.find(slot);
      if (it != found.end() && it->second.ballot == newest.ballot) {
        EXPECT_TRUE(it->second.value == newest.value)
            << "slot " << slot << " at " << newest.ballot << ": value "
            << it->second.value.Commands()[0].id.sequence << " for "
            << newest.value.Commands()[0].id.sequence;
        continue;
      }
      ++lost_;
      const bool bounded = unknown.contains(slot) && unknown[slot] >= newest.ballot;
      // The one window that is documented: the last batch together with its identifiers.
      EXPECT_TRUE(bounded || state.lost_through == state.promised || InLastBatch(slot))
          << "slot " << slot << " is gone";
    }
    for (const auto& [slot, value] : found) {
      // What recovery takes for chosen is.
      const bool trusted = slot <= state.chosen_hint.value() && !unknown.contains(slot);
      if (trusted) {
        EXPECT_EQ(value.value.Commands()[0].id.sequence, final_[slot])
            << "slot " << slot << ", hint " << state.chosen_hint;
      }
      stale_ += !trusted && final_.contains(slot) &&
                value.value.Commands()[0].id.sequence != final_[slot];
    }
    EXPECT_LE(state.chosen_hint.value(), chosen_);
    // What is known to be chosen can be read, or it is known that it cannot, repaired or not.
    for (uint64_t slot = 1; slot <= state.chosen_hint.value(); ++slot) {
      EXPECT_TRUE(found.contains(slot) || unknown.contains(slot)) << slot;
    }
  }

  std::map<uint64_t, paxos::AcceptedValue> Newest() const {
    std::map<uint64_t, paxos::AcceptedValue> newest;
    for (const paxos::Record& record : all_) {
      if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
        newest[accepted->slot.value()] = {accepted->slot, accepted->ballot, accepted->value};
      } else if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
        newest[learned->slot.value()] = {learned->slot, paxos::Ballot(), learned->value};
      }
    }
    return newest;
  }

  bool InLastBatch(uint64_t slot) const {
    return std::any_of(last_batch_.begin(), last_batch_.end(), [slot](const auto& record) {
      const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body);
      const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body);
      return (accepted && accepted->slot == Slot(slot)) || (learned && learned->slot == Slot(slot));
    });
  }

  Random random_;
  FaultEnv env_;
  std::vector<paxos::Record> all_;
  std::vector<paxos::Record> last_batch_;
  std::map<uint64_t, Vote> votes_;      // slot -> the last one
  std::map<uint64_t, uint64_t> final_;  // slot -> number of the chosen value
  uint64_t chosen_ = 0;
  uint64_t round_ = 1;
  uint64_t value_ = 0;
  int lost_ = 0;
  int stale_ = 0;
};

TEST(AcceptorLogMishapTest, SeveralDamagesAtOnceHideNothing) {
  int lost = 0;
  int stale = 0;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    Mishap mishap(seed);
    mishap.Run();
    lost += mishap.lost();
    stale += mishap.stale();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(lost, 5000);
  EXPECT_GT(stale, 200) << "old votes that would have passed for chosen values";
}

}  // namespace
}  // namespace synod::storage
