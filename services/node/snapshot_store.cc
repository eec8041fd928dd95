#include "services/node/snapshot_store.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::node {

// Its files go with it.
class SnapshotStore::Snapshot final : public rpc::SnapshotSource {
 public:
  Snapshot(storage::Env* env, std::string dir, size_t chunk_bytes,
           storage::SnapshotDescriptor descriptor)
      : env_(env),
        dir_(std::move(dir)),
        chunk_bytes_(chunk_bytes),
        descriptor_(std::move(descriptor)) {}
  ~Snapshot() override {
    // What cannot be removed now is removed at the next start.
    storage::RemoveDirectory(env_, dir_).IgnoreError();
  }

  Slot slot() const { return descriptor_.slot; }
  uint64_t id() const { return descriptor_.id(); }
  bool was_read() const { return was_read_.load(std::memory_order_relaxed); }

  std::string descriptor() const override { return descriptor_.Encode(); }
  uint32_t files() const override { return static_cast<uint32_t>(descriptor_.files.size()); }
  uint64_t FileBytes(uint32_t file) const override { return descriptor_.files[file].bytes; }
  absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const override {
    was_read_.store(true, std::memory_order_relaxed);
    return storage::ReadSnapshotChunk(env_, dir_, descriptor_, file, offset, chunk_bytes_);
  }

 private:
  storage::Env* const env_;
  const std::string dir_;
  const size_t chunk_bytes_;
  const storage::SnapshotDescriptor descriptor_;
  mutable std::atomic<bool> was_read_{false};
};

SnapshotStore::SnapshotStore(Options options, storage::Env* env, Checkpoint checkpoint,
                             const Clock* clock)
    : options_(std::move(options)), env_(env), checkpoint_(std::move(checkpoint)), clock_(clock) {
  const auto left = env_->List(options_.dir);
  if (!left.ok()) return;
  for (const std::string& name : *left) {
    storage::RemoveDirectory(env_, absl::StrCat(options_.dir, "/", name)).IgnoreError();
  }
}

SnapshotStore::~SnapshotStore() = default;

absl::StatusOr<std::shared_ptr<const rpc::SnapshotSource>> SnapshotStore::Open(Slot at_least,
                                                                               uint64_t id) {
  // Whoever asks while one is made waits for it and shares it.
  absl::MutexLock lock(&mutex_);
  used_at_ = clock_->Monotonic();
  if (newest_ != nullptr && (id == 0 ? newest_->slot() >= at_least : newest_->id() == id)) {
    return newest_;
  }
  if (id != 0) return absl::NotFoundError("the snapshot is gone; ask for a new one");

  if (auto status = env_->CreateDirs(options_.dir); !status.ok()) return status;
  const std::string dir = absl::StrCat(options_.dir, "/", ++made_);
  auto made = Make(dir, at_least);
  if (!made.ok()) {
    storage::RemoveDirectory(env_, dir).IgnoreError();
    return made.status();
  }
  newest_ = *std::move(made);
  used_at_ = clock_->Monotonic();
  return newest_;
}

absl::StatusOr<std::shared_ptr<const SnapshotStore::Snapshot>> SnapshotStore::Make(
    const std::string& dir, Slot at_least) {
  const auto slot = checkpoint_(dir);
  if (!slot.ok()) return slot.status();
  if (*slot < at_least) {
    return absl::FailedPreconditionError(
        absl::StrCat("this node has applied slots through ", slot->value(), " only"));
  }
  auto descriptor = storage::DescribeSnapshot(env_, dir, options_.cluster, *slot, &stopping_);
  if (!descriptor.ok()) return descriptor.status();
  return std::make_shared<const Snapshot>(env_, dir, options_.chunk_bytes, *std::move(descriptor));
}

void SnapshotStore::RemoveIdle() {
  std::shared_ptr<const Snapshot> idle;  // its files are removed without the lock
  if (!mutex_.TryLock()) return;         // one is being made: it takes as long as it takes
  if (newest_ != nullptr) {
    const absl::Duration now = clock_->Monotonic();
    if (newest_.use_count() > 1) {
      used_at_ = now;
    } else if (now - used_at_ > (newest_->was_read() ? options_.keep : options_.keep_unread)) {
      idle.swap(newest_);
    }
  }
  mutex_.Unlock();
}

}  // namespace synod::node
