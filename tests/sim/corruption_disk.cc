// The part of CorruptionMatrix that makes disks.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "services/storage/log_files.h"
#include "services/storage/record_codec.h"
#include "tests/sim/corruption_matrix.h"

namespace synod::sim {
namespace {

using storage::FaultEnv;

constexpr size_t kMaxImages = 512;

struct Records {
  std::vector<paxos::Record> all;  // in the order in which they are written
  std::vector<size_t> lost;        // which of them
};

// How far the node knows that slots are chosen when it writes the newest record of this one: the
// slots before it that it holds by then. Old votes were written before all others.
Slot HintFor(const MatrixCase& c, int node, int slot) {
  int through = 0;
  while (c.hints && through + 1 < slot) {
    const Copy copy = c.At(node, through + 1);
    const bool later = IsOldVote(c.At(node, slot)) && !IsOldVote(copy);
    if (copy == Copy::kNone || later || !ChosenIn(c, through + 1)) break;
    ++through;
  }
  return Slot(static_cast<uint64_t>(c.state_slots + through));
}

Records RecordsOf(const MatrixCase& c, int node) {
  Records records;
  for (const bool old : {true, false}) {
    const paxos::Ballot ballot = (old ? OldReign(c) : NewReign(c)).ballot;
    for (int i = 1; i <= c.slots(); ++i) {
      const Copy copy = c.At(node, i);
      if (copy == Copy::kNone || IsOldVote(copy) != old) continue;
      if (IsLost(copy)) records.lost.push_back(records.all.size());
      paxos::Record& record = records.all.emplace_back();
      record.group = kMatrixGroup;
      const Slot slot(static_cast<uint64_t>(c.state_slots + i));
      if (IsLearned(copy)) {
        record.body = paxos::LearnedRecord{slot, *ChosenIn(c, i)};
      } else {
        record.body = paxos::AcceptedRecord{slot, ballot, old ? OldValue(i) : NewValue(c, i),
                                            HintFor(c, node, i)};
      }
    }
  }
  return records;
}

paxos::Ballot PromisedBy(const MatrixCase& c, int node) {
  for (const Reign& reign : {NewReign(c), OldReign(c)}) {
    if (std::find(reign.promised.begin(), reign.promised.end(), node) != reign.promised.end()) {
      return reign.ballot;
    }
  }
  return paxos::Ballot();
}

const paxos::Value& ValueOf(const paxos::Record& record) {
  if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    return accepted->value;
  }
  return std::get<paxos::LearnedRecord>(record.body).value;
}

void Write(storage::AcceptorLog& log, const paxos::Record& record) {
  SYNOD_CHECK(log.Append({&record, 1}).ok() && log.Sync().ok());
}

// Each record is a batch of its own, on sectors of its own.
void Lose(FaultEnv& disk, size_t ordinal, const paxos::Record& record, Loss loss) {
  std::string& records = disk.Contents(storage::RecordsPath("log", 1));
  const absl::string_view bytes = ValueOf(record).bytes();
  const size_t at = records.find(std::string(bytes));
  SYNOD_CHECK(at != std::string::npos) << "record=" << ordinal;
  if (loss == Loss::kValue) {
    records[at + bytes.size() - 1] ^= 1;
    return;
  }
  records.replace(at / storage::kSectorBytes * storage::kSectorBytes, storage::kSectorBytes,
                  storage::kSectorBytes, '\0');
  if (loss == Loss::kSector) return;
  disk.Contents(storage::IdentifiersPath("log", 1))
      .replace(ordinal * storage::kIdentifierBytes, storage::kIdentifierBytes,
               storage::kIdentifierBytes, '\0');
}

std::unique_ptr<FaultEnv> MakeImage(const MatrixCase& c, int number) {
  const NodeId node(static_cast<uint64_t>(number));
  auto disk = std::make_unique<FaultEnv>();
  const Records records = RecordsOf(c, number);
  {
    auto log = storage::AcceptorLog::Open(disk.get(), MatrixLogOptions(node)).value();
    std::map<NodeId, uint64_t> others;
    for (const NodeId voter : {NodeId(1), NodeId(2), NodeId(3)}) {
      if (voter != node) others[voter] = MatrixInstance(voter);
    }
    Write(*log, {kMatrixGroup, paxos::FoundedRecord{others}});
    for (const paxos::Record& record : records.all) Write(*log, record);
    if (const paxos::Ballot promised = PromisedBy(c, number)) {
      Write(*log, {kMatrixGroup, paxos::PromiseRecord{promised}});
    }
    if (c.loss == Loss::kNoTrace) {
      Write(*log, {kTrailingGroup, paxos::LearnedRecord{Slot(1), paxos::Value()}});
    }
    if (c.state_slots > 0) {
      const Slot cut(static_cast<uint64_t>(c.state_slots));
      SYNOD_CHECK(log->CutThrough(kMatrixGroup, cut, storage::CutKind::kDurable).ok());
    }
  }
  for (const size_t lost : records.lost) Lose(*disk, lost, records.all[lost], c.loss);
  // Either copy must do; which one is lost depends on the node.
  const Promises promises = c.promises[static_cast<size_t>(number - 1)];
  for (const char copy : {'a', 'b'}) {
    const bool lost = promises == Promises::kLost ||
                      (promises == Promises::kOneCopy && (copy == 'a') == (number % 2 == 0));
    if (lost) disk->Contents(absl::StrCat("log/manifest-", std::string(1, copy)))[30] ^= 1;
  }
  return disk;
}

}  // namespace

std::unique_ptr<FaultEnv> CorruptionMatrix::DiskOf(const MatrixCase& c, int node) {
  // What the image depends on, the other nodes as far as they decide values and hints.
  const auto self = static_cast<size_t>(node - 1);
  std::string key =
      absl::StrCat(node, "/", c.state_slots, "/", static_cast<int>(c.loss), "/",
                   static_cast<int>(c.promises[self]), "/", OldReign(c).ballot.node.value(), "/",
                   PromisedBy(c, node).round, ".", PromisedBy(c, node).node.value(), "/");
  for (int slot = 1; slot <= c.slots(); ++slot) {
    const Copy copy = c.At(node, slot);
    absl::StrAppend(&key, static_cast<int>(copy), ",");
    if (copy == Copy::kNone) continue;
    absl::StrAppend(&key, NewValue(c, slot) == OldValue(slot), HintFor(c, node, slot).value(), ";");
  }
  auto found = images_.find(key);
  if (found == images_.end()) {
    if (images_.size() >= kMaxImages) images_.clear();
    found = images_.emplace(std::move(key), MakeImage(c, node)).first;
  }
  return found->second->Clone();
}

}  // namespace synod::sim
