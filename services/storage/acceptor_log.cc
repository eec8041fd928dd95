// The acceptor log: the write path and its bookkeeping. Recovery is log_recovery.cc.
#include "services/storage/acceptor_log.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "services/storage/log_recovery.h"
#include "services/storage/record_codec.h"
#include "services/storage/segment.h"
#include "services/storage/segment_pool.h"
#include "services/storage/slot_index.h"

namespace synod::storage {
namespace {

constexpr uint64_t kMinSegmentBytes = 16 << 10;
constexpr uint64_t kSegmentUnit = 4096;

using Segments = std::deque<std::shared_ptr<Segment>>;

// The value that a record holds, if any, as the segments keep it.
std::optional<LogRecord> ValueOf(const paxos::Record& record) {
  if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    const RecordKey key{RecordKind::kAccepted, record.group, accepted->slot, accepted->ballot};
    return LogRecord{key, accepted->chosen_through, accepted->value};
  }
  if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
    const RecordKey key{RecordKind::kLearned, record.group, learned->slot, paxos::Ballot()};
    // Written only next to the chosen prefix, so it is a hint of it too.
    return LogRecord{key, learned->slot, learned->value};
  }
  return std::nullopt;
}

// What a record means for the manifest.
void ApplyTo(GroupManifest& group, const paxos::Record& record) {
  if (const auto* promise = std::get_if<paxos::PromiseRecord>(&record.body)) {
    group.promised = std::max(group.promised, promise->ballot);
  } else if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    group.promised = std::max(group.promised, accepted->ballot);
  } else if (const auto* met = std::get_if<paxos::MetRecord>(&record.body)) {
    group.instances = met->instances;
  } else if (const auto* founded = std::get_if<paxos::FoundedRecord>(&record.body)) {
    group.founded = true;
    group.instances = founded->instances;
  }
}

class SegmentedLog final : public AcceptorLog {
 public:
  SegmentedLog(Env* env, const AcceptorLogOptions& options, RecoveredLog recovered)
      : segment_bytes_(options.segment_bytes),
        lock_(std::move(recovered.lock)),
        damage_(std::move(recovered.damage)),
        manifest_(std::move(recovered.manifest)),
        groups_(manifest_->state().groups),
        next_sequence_(recovered.next_sequence),
        pool_(env, {options.dir,
                    {options.cluster, options.node},
                    options.segment_bytes,
                    options.spare_segments,
                    recovered.next_segment}),
        segments_(std::move(recovered.segments)),
        index_(std::move(recovered.index)) {}

  absl::Status Start();

  uint64_t instance() const override { return manifest_->state().instance; }
  std::vector<std::string> damage() const override { return damage_; }
  GroupLogState State(GroupId group) const override;
  absl::Status Append(absl::Span<const paxos::Record> records) override;
  absl::Status Sync() override;
  bool short_of_space() const override { return pool_.short_of_space(); }
  absl::StatusOr<std::vector<paxos::AcceptedValue>> ReadValues(GroupId group, Slot first, Slot last,
                                                               size_t max_bytes) const override;
  absl::StatusOr<std::vector<paxos::AcceptedValue>> ReadAbove(GroupId group,
                                                              Slot first) const override;
  absl::Status CutThrough(GroupId group, Slot slot, CutKind kind) override {
    return Remember(Cut(group, slot, kind));
  }
  uint64_t SizeBytes() const override;

 private:
  // The first failure, for good: what reached the disk after it is unknown.
  absl::Status Failure() const {
    absl::MutexLock lock(&mutex_);
    return failure_;
  }
  absl::Status Remember(absl::Status status) {
    if (status.ok()) return status;
    absl::MutexLock lock(&mutex_);
    failure_.Update(status);
    return failure_;
  }

  absl::Status SyncPending();
  absl::Status StoreGroups();
  absl::Status WriteOneBatch(absl::Span<const LogRecord> records);
  absl::Status Rotate();
  absl::Status Cut(GroupId group, Slot slot, CutKind kind);
  ManifestState NextManifest() const;

  // A record's bytes and the segment that holds them, which outlives its place in the log.
  using Located = std::pair<RecordDescriptor, std::shared_ptr<const Segment>>;
  std::vector<Located> Pin(const std::vector<RecordLocation>& locations) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Appends the records' values, up to the first that cannot be read.
  static absl::Status Read(const std::vector<Located>& records,
                           std::vector<paxos::AcceptedValue>& values);

  const uint64_t segment_bytes_;
  const std::unique_ptr<FileLock> lock_;
  const std::vector<std::string> damage_;

  // The log thread's.
  const std::unique_ptr<Manifest> manifest_;
  std::map<GroupId, GroupManifest> groups_;  // as the manifest will hold them after the next Sync
  std::set<GroupId> repaired_;               // by what is pending
  std::vector<LogRecord> pending_;
  uint64_t next_sequence_;
  bool awaiting_space_ = false;  // the last Sync found the disk full, before it wrote anything
  SegmentPool pool_;

  // Written by the log thread under the mutex, so that it alone may read without it.
  mutable absl::Mutex mutex_;
  Segments segments_;  // oldest first; the last one is written to
  SlotIndex index_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

// Behind a damaged segment a new one begins before anybody relies on this log: the manifest then
// says for ever how many batches the damaged one had, so that none of them can vanish unnoticed.
absl::Status SegmentedLog::Start() {
  if (segments_.empty() || segments_.back()->damaged()) return Rotate();
  pool_.Reserve();
  return absl::OkStatus();
}

GroupLogState SegmentedLog::State(GroupId group) const {
  GroupLogState state;
  const auto& groups = manifest_->state().groups;
  if (const auto found = groups.find(group); found != groups.end()) {
    const GroupManifest& durable = found->second;
    state.promised = durable.promised;
    state.founded = durable.founded;
    state.instances = durable.instances;
    if (!durable.repaired) state.lost_through = durable.lost_through;
  }
  absl::MutexLock lock(&mutex_);
  state.chosen_hint = index_.chosen_hint(group);
  state.cut_through = index_.cut_through(group);
  state.unknown = index_.unknown(group);
  state.reopened = index_.reopened(group);
  return state;
}

absl::Status SegmentedLog::Append(absl::Span<const paxos::Record> records) {
  if (absl::Status failure = Failure(); !failure.ok()) return failure;
  if (awaiting_space_) {
    return absl::ResourceExhaustedError("acceptor log: the disk is full; sync first");
  }
  for (const paxos::Record& record : records) {
    auto value = ValueOf(record);
    if (value && value->value.bytes().size() > MaxValueBytes(segment_bytes_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("acceptor log: a value of ", value->value.bytes().size(),
                       " bytes does not fit into a segment of ", segment_bytes_, " bytes"));
    }
    ApplyTo(groups_[record.group], record);
    if (std::holds_alternative<paxos::RepairedRecord>(record.body)) {
      repaired_.insert(record.group);
    }
    if (value) pending_.push_back(*std::move(value));
  }
  return absl::OkStatus();
}

absl::Status SegmentedLog::Sync() {
  awaiting_space_ = false;
  absl::Status status = SyncPending();
  return awaiting_space_ ? status : Remember(std::move(status));
}

absl::Status SegmentedLog::SyncPending() {
  if (absl::Status failure = Failure(); !failure.ok()) return failure;
  // Promises first: no record on disk may exceed its group's promise there.
  if (absl::Status status = StoreGroups(); !status.ok()) return status;
  size_t written = 0;
  absl::Status status;
  while (status.ok() && written < pending_.size()) {
    const auto rest = absl::MakeConstSpan(pending_).subspan(written);
    const size_t fitting = segments_.back()->Fitting(rest);
    status = fitting == 0 ? Rotate() : WriteOneBatch(rest.first(fitting));
    if (status.ok()) written += fitting;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(written));
  if (!status.ok()) return status;
  // Last: a group counts as repaired by what was learned before, and that is durable only now.
  for (const GroupId group : repaired_) groups_[group].repaired = true;
  repaired_.clear();
  return StoreGroups();
}

// Nothing to do as long as ballots stand still, which is nearly always.
absl::Status SegmentedLog::StoreGroups() {
  if (groups_ == manifest_->state().groups) return absl::OkStatus();
  return manifest_->Store(NextManifest());
}

// What the manifest should say by now, with the segments as they are.
ManifestState SegmentedLog::NextManifest() const {
  ManifestState next = manifest_->state();
  next.groups = groups_;
  return next;
}

absl::Status SegmentedLog::WriteOneBatch(absl::Span<const LogRecord> records) {
  Segment& segment = *segments_.back();
  const auto written = segment.WriteBatch(next_sequence_, records);
  if (!written.ok()) return written.status();
  ++next_sequence_;
  absl::MutexLock lock(&mutex_);
  for (const RecordDescriptor& record : *written) index_.Add(segment.id(), record);
  return absl::OkStatus();
}

// The manifest names the new segment before anything is written into it, and what is in the old one
// is durable by then, identifiers included.
absl::Status SegmentedLog::Rotate() {
  if (!segments_.empty()) {
    if (absl::Status status = segments_.back()->SyncIdentifiers(); !status.ok()) return status;
  }
  auto segment = pool_.Take();
  if (!segment.ok()) {
    awaiting_space_ = absl::IsResourceExhausted(segment.status());
    return segment.status();
  }
  ManifestState next = NextManifest();
  next.segments.push_back({(*segment)->id(), next_sequence_});
  if (absl::Status status = manifest_->Store(std::move(next)); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    segments_.push_back(*std::move(segment));
  }
  pool_.Reserve();
  return absl::OkStatus();
}

absl::Status SegmentedLog::Cut(GroupId group, Slot slot, CutKind kind) {
  if (absl::Status failure = Failure(); !failure.ok()) return failure;
  Segments dead;
  {
    absl::MutexLock lock(&mutex_);
    index_.CutThrough(group, slot);
    const auto cut = [&](const auto& highest) {
      return highest.second <= index_.cut_through(highest.first);
    };
    // From the oldest on and never the last one, which is being written.
    for (size_t i = 0; i + 1 < segments_.size(); ++i) {
      const auto& highest = segments_[i]->highest();
      if (!std::all_of(highest.begin(), highest.end(), cut)) break;
      dead.push_back(segments_[i]);
    }
    // Of every group: what a damaged segment held is not known in full.
    if (!dead.empty()) {
      for (auto& [id, state] : groups_) state.cut_through = index_.cut_through(id);
    }
    if (kind == CutKind::kDurable) groups_[group].cut_through = index_.cut_through(group);
  }
  // A cut that frees no segment need not be remembered: until then the records are still there.
  if (dead.empty()) return kind == CutKind::kDurable ? StoreGroups() : absl::OkStatus();
  ManifestState next = NextManifest();
  next.segments.erase(next.segments.begin(),
                      next.segments.begin() + static_cast<ptrdiff_t>(dead.size()));
  next.lost.EraseBelow(next.segments.front().first_sequence);
  if (absl::Status status = manifest_->Store(std::move(next)); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(dead.size()));
  }
  for (const auto& segment : dead) pool_.Recycle(*segment);
  pool_.Reserve();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<paxos::AcceptedValue>> SegmentedLog::ReadValues(GroupId group,
                                                                           Slot first, Slot last,
                                                                           size_t max_bytes) const {
  const auto gone = [&](absl::string_view why) {
    return absl::OutOfRangeError(
        absl::StrCat("acceptor log: slot ", first.value(), " of group ", group.value(), " ", why));
  };
  std::vector<Located> records;
  {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    if (first <= index_.cut_through(group)) return gone("has been cut");
    if (index_.IsLost(group, first)) return gone("was lost to damage");
    records = Pin(index_.Run(group, first, last, max_bytes));
  }
  std::vector<paxos::AcceptedValue> values;
  const absl::Status status = Read(records, values);
  if (status.ok() || !values.empty()) return values;
  // Damaged since it was opened; or recycled under this read.
  return gone(status.message());
}

absl::StatusOr<std::vector<paxos::AcceptedValue>> SegmentedLog::ReadAbove(GroupId group,
                                                                          Slot first) const {
  std::vector<Located> records;
  {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    records = Pin(index_.Above(group, first));
  }
  std::vector<paxos::AcceptedValue> values;
  if (absl::Status status = Read(records, values); !status.ok()) return status;
  return values;
}

std::vector<SegmentedLog::Located> SegmentedLog::Pin(
    const std::vector<RecordLocation>& locations) const {
  std::vector<Located> pinned;
  pinned.reserve(locations.size());
  for (const RecordLocation& location : locations) {
    const auto segment = std::lower_bound(
        segments_.begin(), segments_.end(), location.segment,
        [](const std::shared_ptr<Segment>& a, uint64_t id) { return a->id() < id; });
    pinned.emplace_back(location.record, *segment);
  }
  return pinned;
}

absl::Status SegmentedLog::Read(const std::vector<Located>& records,
                                std::vector<paxos::AcceptedValue>& values) {
  values.reserve(records.size());
  for (const auto& [record, segment] : records) {
    auto value = segment->ReadValue(record);
    if (!value.ok()) return value.status();
    values.push_back({record.key.slot, record.key.ballot, *std::move(value)});
  }
  return absl::OkStatus();
}

uint64_t SegmentedLog::SizeBytes() const {
  absl::MutexLock lock(&mutex_);
  uint64_t bytes = 0;
  for (const auto& segment : segments_) {
    bytes += segment->bytes() + IdentifiersBytes(segment->bytes());
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AcceptorLog>> AcceptorLog::Open(Env* env,
                                                               AcceptorLogOptions options) {
  if (options.segment_bytes < kMinSegmentBytes || options.segment_bytes > kMaxSegmentBytes ||
      options.segment_bytes % kSegmentUnit != 0 || options.spare_segments < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "acceptor log: segment_bytes is ", options.segment_bytes, " and spare_segments ",
        options.spare_segments, "; a segment has ", kMinSegmentBytes, " to ", kMaxSegmentBytes,
        " bytes, a multiple of ", kSegmentUnit, ", and there are 0 or more spares"));
  }
  auto recovered =
      RecoverLog(env, options.dir, {options.cluster, options.node}, options.new_instance);
  if (!recovered.ok()) return recovered.status();
  auto log = std::make_unique<SegmentedLog>(env, options, *std::move(recovered));
  if (absl::Status status = log->Start(); !status.ok()) return status;
  return log;
}

}  // namespace synod::storage
