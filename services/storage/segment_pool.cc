#include "services/storage/segment_pool.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(2);

}  // namespace

SegmentPool::SegmentPool(Env* env, SegmentPoolOptions options)
    : env_(env), options_(std::move(options)), next_id_(options_.next_id) {
  if (options_.spares > 0) worker_ = std::thread(&SegmentPool::Work, this);
}

SegmentPool::~SegmentPool() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    work_.Signal();
  }
  if (worker_.joinable()) worker_.join();
}

void SegmentPool::Reserve() {
  absl::MutexLock lock(&mutex_);
  if (worker_.joinable() || !ready_.empty()) return;
  // Without one the log goes on as long as it can; Take tries again.
  auto segment = PrepareUnlocked();
  if (segment.ok()) ready_.push_back(*std::move(segment));
}

absl::StatusOr<std::shared_ptr<Segment>> SegmentPool::Take() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &SegmentPool::Idle));
  failed_ = false;
  work_.Signal();
  if (ready_.empty()) return PrepareUnlocked();
  std::shared_ptr<Segment> segment = std::move(ready_.front());
  ready_.pop_front();
  return segment;
}

void SegmentPool::Recycle(const Segment& segment) {
  const size_t wanted = static_cast<size_t>(std::max(options_.spares, 1));
  {
    absl::MutexLock lock(&mutex_);
    if (!segment.damaged() && segment.bytes() == options_.segment_bytes &&
        retired_.size() < wanted) {
      retired_.push_back(segment.id());
      failed_ = false;  // it can be the next one even if the disk is full
      work_.Signal();
      return;
    }
  }
  RemoveFiles(segment.id());
}

bool SegmentPool::short_of_space() const {
  absl::MutexLock lock(&mutex_);
  return short_of_space_;
}

bool SegmentPool::HasWork() const {
  return stop_ || (!failed_ && !preparing_ && ready_.size() < static_cast<size_t>(options_.spares));
}

void SegmentPool::Work() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    const bool in_time = work_.Await(
        &mutex_, kRetryAfter, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
    if (stop_) return;
    if (!in_time) {
      failed_ = false;
      continue;
    }
    auto segment = PrepareUnlocked();
    failed_ = !segment.ok();
    if (segment.ok()) ready_.push_back(*std::move(segment));
  }
}

// Releases the mutex around the file operations; `preparing_` keeps a second one away meanwhile.
absl::StatusOr<std::shared_ptr<Segment>> SegmentPool::PrepareUnlocked() {
  const uint64_t id = next_id_++;
  std::optional<uint64_t> retired;
  if (!retired_.empty()) {
    retired = retired_.front();
    retired_.pop_front();
  }
  preparing_ = true;
  mutex_.Unlock();
  auto segment = Prepare(id, retired);
  if (!segment.ok()) {
    RemoveFiles(id);
    if (retired) RemoveFiles(*retired);
  }
  mutex_.Lock();
  preparing_ = false;
  work_.Signal();
  short_of_space_ = absl::IsResourceExhausted(segment.status());
  return segment;
}

absl::StatusOr<std::shared_ptr<Segment>> SegmentPool::Prepare(uint64_t id,
                                                              std::optional<uint64_t> retired) {
  const SegmentIdentity identity{options_.identity.cluster, options_.identity.node, id};
  const std::string& dir = options_.dir;
  const uint64_t bytes = options_.segment_bytes;
  std::optional<std::string> old_records;
  std::optional<std::string> old_identifiers;
  if (retired) {
    old_records = RecordsPath(dir, *retired);
    old_identifiers = IdentifiersPath(dir, *retired);
  }
  auto records = PrepareFile(RecordsPath(dir, id), bytes, old_records);
  if (!records.ok()) return records.status();
  auto identifiers =
      PrepareFile(IdentifiersPath(dir, id), IdentifiersBytes(bytes), old_identifiers);
  if (!identifiers.ok()) return identifiers.status();
  const std::string header = EncodeSegmentHeader(identity, bytes);
  if (absl::Status status = (*records)->WriteAt(0, header); !status.ok()) return status;
  if (absl::Status status = (*records)->Sync(); !status.ok()) return status;
  if (absl::Status status = (*identifiers)->Sync(); !status.ok()) return status;
  if (absl::Status status = env_->SyncDir(dir); !status.ok()) return status;
  return std::make_shared<Segment>(dir, identity, bytes, *std::move(records),
                                   *std::move(identifiers));
}

absl::StatusOr<std::unique_ptr<File>> SegmentPool::PrepareFile(
    const std::string& path, uint64_t bytes, const std::optional<std::string>& retired) {
  if (!retired) return env_->CreateZeroed(path, bytes);
  if (absl::Status status = env_->Rename(*retired, path); !status.ok()) return status;
  return env_->Open(path);
}

void SegmentPool::RemoveFiles(uint64_t id) {
  env_->Remove(RecordsPath(options_.dir, id)).IgnoreError();
  env_->Remove(IdentifiersPath(options_.dir, id)).IgnoreError();
}

}  // namespace synod::storage
