#include "services/storage/memory_engine.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace synod::storage {
namespace {

const MemoryTree& ColumnOf(const MemoryImage& image, Column column) {
  return image[static_cast<size_t>(column)];
}

MemoryTree& ColumnOf(MemoryImage& image, Column column) {
  return image[static_cast<size_t>(column)];
}

class MemoryBatch final : public EngineBatch {
 public:
  void Put(Column column, absl::string_view key, absl::string_view value) override {
    changes_.push_back({column, true, std::string(key), std::string(value)});
  }
  void Delete(Column column, absl::string_view key) override {
    changes_.push_back({column, false, std::string(key), {}});
  }
  void Clear() override { changes_.clear(); }

  void ApplyTo(MemoryImage& image) const {
    for (const Change& change : changes_) {
      MemoryTree& tree = ColumnOf(image, change.column);
      if (change.put) {
        tree.Put(change.key, change.value);
      } else {
        tree.Erase(change.key);
      }
    }
  }

 private:
  struct Change {
    Column column;
    bool put;
    std::string key;
    std::string value;
  };
  std::vector<Change> changes_;
};

class MemoryIterator final : public EngineIterator {
 public:
  MemoryIterator(const MemoryTree& tree, absl::string_view lower, absl::string_view upper)
      : cursor_(tree), lower_(lower), upper_(upper) {}

  void SeekToFirst() override { cursor_.SeekAtLeast(lower_); }
  void SeekToLast() override { upper_.empty() ? cursor_.SeekLast() : cursor_.SeekBelow(upper_); }
  void Seek(absl::string_view key) override { cursor_.SeekAtLeast(key < lower_ ? lower_ : key); }
  void SeekForPrev(absl::string_view key) override {
    if (!upper_.empty() && key >= upper_) return SeekToLast();
    cursor_.SeekAtLeast(key);
    if (cursor_.valid() && cursor_.key() == key) return;
    cursor_.SeekBelow(key);
  }
  bool Valid() const override {
    return cursor_.valid() && cursor_.key() >= lower_ && (upper_.empty() || cursor_.key() < upper_);
  }
  void Next() override { cursor_.Next(); }
  void Prev() override { cursor_.Prev(); }
  absl::string_view key() const override { return cursor_.key(); }
  absl::string_view value() const override { return cursor_.value(); }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  MemoryTree::Cursor cursor_;
  const std::string lower_;
  const std::string upper_;
};

class MemorySnapshot final : public EngineReader {
 public:
  explicit MemorySnapshot(MemoryImage image) : image_(std::move(image)) {}

  absl::StatusOr<bool> Get(Column column, absl::string_view key,
                           std::string* value) const override {
    const std::string* const found = ColumnOf(image_, column).Find(key);
    if (found == nullptr) return false;
    *value = *found;
    return true;
  }

  std::unique_ptr<EngineIterator> NewIterator(Column column, absl::string_view lower,
                                              absl::string_view upper) const override {
    return std::make_unique<MemoryIterator>(ColumnOf(image_, column), lower, upper);
  }

 private:
  const MemoryImage image_;
};

// Readers copy the roots under the mutex and walk them outside: nothing they see ever changes.
class MemoryEngine final : public Engine {
 public:
  MemoryEngine(std::shared_ptr<MemoryDisk> disk, std::string dir, MemoryImage image)
      : disk_(std::move(disk)), dir_(std::move(dir)), image_(std::move(image)) {}

  absl::StatusOr<bool> Get(Column column, absl::string_view key,
                           std::string* value) const override {
    return MemorySnapshot(Image()).Get(column, key, value);
  }

  std::unique_ptr<EngineIterator> NewIterator(Column column, absl::string_view lower,
                                              absl::string_view upper) const override {
    return MemorySnapshot(Image()).NewIterator(column, lower, upper);
  }

  std::unique_ptr<EngineBatch> NewBatch() override { return std::make_unique<MemoryBatch>(); }

  absl::Status Write(EngineBatch& batch) override {
    MemoryImage image = Image();
    static_cast<const MemoryBatch&>(batch).ApplyTo(image);
    Publish(std::move(image));
    return absl::OkStatus();
  }

  std::shared_ptr<const EngineReader> Snapshot() override {
    return std::make_shared<MemorySnapshot>(Image());
  }

  absl::Status Flush() override {
    disk_->Store(dir_, Image());
    return absl::OkStatus();
  }

  absl::StatusOr<bool> GetDurableMeta(absl::string_view key, std::string* value) override {
    return MemorySnapshot(disk_->Load(dir_)).Get(Column::kMeta, key, value);
  }

  absl::Status DropRange(Column column, absl::string_view lower, absl::string_view upper) override {
    MemoryImage image = Image();
    ColumnOf(image, column).EraseRange(lower, upper);
    Publish(std::move(image));
    return absl::OkStatus();
  }

  absl::Status Defragment(std::atomic<bool>*) override { return absl::OkStatus(); }

  absl::Status Checkpoint(const std::string& dir) override {
    return disk_->Checkpoint(dir, Image());
  }

  uint64_t SizeBytes() const override { return SizeInUseBytes(); }

  uint64_t SizeInUseBytes() const override {
    uint64_t bytes = 0;
    for (const MemoryTree& tree : Image()) bytes += tree.bytes();
    return bytes;
  }

 private:
  MemoryImage Image() const {
    absl::MutexLock lock(&mutex_);
    return image_;
  }

  // Swaps, so that the old version is freed outside the mutex.
  void Publish(MemoryImage image) {
    absl::MutexLock lock(&mutex_);
    image_.swap(image);
  }

  const std::shared_ptr<MemoryDisk> disk_;
  const std::string dir_;
  mutable absl::Mutex mutex_;
  MemoryImage image_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenMemoryEngine(std::shared_ptr<MemoryDisk> disk,
                                                         const std::string& dir) {
  auto image = disk->Open(dir);
  if (!image.ok()) return image.status();
  return std::make_unique<MemoryEngine>(std::move(disk), dir, *std::move(image));
}

}  // namespace synod::storage
