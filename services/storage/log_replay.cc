#include "services/storage/log_replay.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/storage/segment_recovery.h"

namespace synod::storage {
namespace {

constexpr size_t kMaxDamageLines = 100;

class Replay {
 public:
  Replay(Env* env, const std::string& dir, const LogIdentity& identity, RecoveredLog& log)
      : env_(env), dir_(dir), identity_(identity), log_(log), manifest_(log.manifest->state()) {}

  absl::Status Run() {
    for (const auto& [group, state] : manifest_.groups) {
      log_.index.CutThrough(group, state.cut_through);
      // The segments that lost them may be gone.
      log_.index.Doubt(group, state.lost_through);
    }
    for (size_t i = 0; i < manifest_.segments.size(); ++i) {
      if (absl::Status status = TakeSegment(i); !status.ok()) return status;
    }
    if (damage_lines_ > kMaxDamageLines) {
      log_.damage.push_back(
          absl::StrCat("and ", damage_lines_ - kMaxDamageLines, " more damaged places"));
    }
    if (absl::Status status = CountLosses(); !status.ok()) return status;
    return SecureTail();
  }

 private:
  absl::Status TakeSegment(size_t place) {
    const SegmentManifest& listed = manifest_.segments[place];
    std::optional<uint64_t> end;
    if (place + 1 < manifest_.segments.size()) end = manifest_.segments[place + 1].first_sequence;
    auto recovered = RecoverSegment(env_, dir_, {identity_.cluster, identity_.node, listed.id},
                                    listed.first_sequence, end, manifest_.lost);
    if (!recovered.ok()) return recovered.status();
    for (const ScannedBatch& batch : recovered->scan.batches) {
      if (absl::Status status = TakeBatch(listed.id, batch); !status.ok()) return status;
    }
    for (std::string& line : recovered->damage) {
      if (++damage_lines_ <= kMaxDamageLines) log_.damage.push_back(std::move(line));
    }
    log_.segments.push_back(std::move(recovered->segment));
    log_.next_sequence = recovered->scan.next_sequence;
    log_.next_segment = std::max(log_.next_segment, listed.id + 1);
    last_ = std::move(recovered->scan);
    return absl::OkStatus();
  }

  absl::Status TakeBatch(uint64_t segment, const ScannedBatch& batch) {
    // First of all: a record whose name is known may follow the nameless one, and rest on it.
    if (!batch.complete) TakeLoss(batch.sequences);
    for (const ScannedRecord& record : batch.records) {
      if (absl::Status status = CheckPromise(record.descriptor.key); !status.ok()) return status;
      if (record.intact) {
        log_.index.Add(segment, record.descriptor);
      } else {
        log_.index.Lose(record.descriptor);
      }
    }
    return absl::OkStatus();
  }

  void TakeLoss(const SequenceRange& range) {
    const bool counted = manifest_.lost.Contains(range);
    if (!counted) new_losses_.push_back(range);
    for (const auto& [group, state] : manifest_.groups) {
      log_.index.Doubt(group, counted ? state.lost_through : state.promised);
    }
  }

  // The promise is durable before any record of its ballot.
  absl::Status CheckPromise(const RecordKey& key) const {
    if (key.ballot == paxos::Ballot()) return absl::OkStatus();
    const auto group = manifest_.groups.find(key.group);
    if (group != manifest_.groups.end() && key.ballot <= group->second.promised) {
      return absl::OkStatus();
    }
    return absl::DataLossError(absl::StrCat(
        dir_, ": the manifest is older than the log (it lacks the promise behind slot ",
        key.slot.value(), " of group ", key.group.value(),
        "): its files are not of one time, so this node must not vote again; remove the member "
        "from the cluster and add it under a new id with an empty directory"));
  }

  // Each lost batch once: when its damage is repaired, the next start must not undo that.
  absl::Status CountLosses() {
    if (!new_losses_.empty()) {
      ManifestState next = manifest_;
      for (const SequenceRange& range : new_losses_) next.lost.Add(range);
      for (auto& [group, state] : next.groups) {
        state.lost_through = state.promised;
        state.repaired = false;
      }
      absl::Status status = log_.manifest->Store(std::move(next));
      if (!status.ok()) return status;
    }
    for (const auto& [group, state] : manifest_.groups) {
      // Also when the segment that lost them has been cut since: it may have held slots above.
      if (state.lost_through || !manifest_.lost.ranges().empty()) {
        log_.index.DoubtGaps(group, state.lost_through);
      }
    }
    return absl::OkStatus();
  }

  // The last batch may have come from the page cache without ever having reached the disk. One of a
  // damaged segment is left as it is: should it vanish, its number in the sequence tells.
  absl::Status SecureTail() {
    if (log_.segments.empty() || log_.segments.back()->damaged()) return absl::OkStatus();
    return log_.segments.back()->SecureTail(last_);
  }

  Env* const env_;
  const std::string& dir_;
  const LogIdentity& identity_;
  RecoveredLog& log_;
  const ManifestState& manifest_;
  std::vector<SequenceRange> new_losses_;
  size_t damage_lines_ = 0;
  SegmentScan last_;
};

}  // namespace

absl::Status ReplaySegments(Env* env, const std::string& dir, const LogIdentity& identity,
                            RecoveredLog& log) {
  return Replay(env, dir, identity, log).Run();
}

}  // namespace synod::storage
