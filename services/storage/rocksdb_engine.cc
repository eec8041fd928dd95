#include "services/storage/rocksdb_engine.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/storage/rocksdb_options.h"
#include "services/storage/rocksdb_status.h"

namespace synod::storage {
namespace {

using Handles = std::array<rocksdb::ColumnFamilyHandle*, kColumns>;

rocksdb::Slice ToSlice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class RocksdbBatch final : public EngineBatch {
 public:
  explicit RocksdbBatch(const Handles& handles) : handles_(handles) {}

  void Put(Column column, absl::string_view key, absl::string_view value) override {
    Keep(batch_.Put(HandleOf(column), ToSlice(key), ToSlice(value)));
  }
  void Delete(Column column, absl::string_view key) override {
    Keep(batch_.Delete(HandleOf(column), ToSlice(key)));
  }
  void Clear() override {
    batch_.Clear();
    status_ = rocksdb::Status::OK();
  }

  rocksdb::WriteBatch& batch() { return batch_; }
  // The first change that could not be taken in: keys and values are limited to 4 GiB.
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::ColumnFamilyHandle* HandleOf(Column column) const {
    return handles_[static_cast<size_t>(column)];
  }
  void Keep(rocksdb::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  const Handles& handles_;
  rocksdb::WriteBatch batch_;
  rocksdb::Status status_;
};

class RocksdbIterator final : public EngineIterator {
 public:
  RocksdbIterator(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* column,
                  rocksdb::ReadOptions options, absl::string_view lower, absl::string_view upper)
      : lower_(lower), upper_(upper), lower_slice_(lower_), upper_slice_(upper_) {
    if (!lower_.empty()) options.iterate_lower_bound = &lower_slice_;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    it_.reset(db->NewIterator(options, column));
  }
  RocksdbIterator(const RocksdbIterator&) = delete;
  RocksdbIterator& operator=(const RocksdbIterator&) = delete;

  void SeekToFirst() override { it_->SeekToFirst(); }
  void SeekToLast() override { it_->SeekToLast(); }
  void Seek(absl::string_view key) override { it_->Seek(ToSlice(key)); }
  void SeekForPrev(absl::string_view key) override { it_->SeekForPrev(ToSlice(key)); }
  bool Valid() const override { return it_->Valid(); }
  void Next() override { it_->Next(); }
  void Prev() override { it_->Prev(); }
  absl::string_view key() const override { return ToView(it_->key()); }
  absl::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override { return FromRocksdbRead(it_->status(), "scan"); }

 private:
  // RocksDB points at the slices as long as the iterator lives.
  const std::string lower_;
  const std::string upper_;
  const rocksdb::Slice lower_slice_;
  const rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

// Reads of the state that `options` name: the newest or a snapshot's.
class RocksdbReader {
 public:
  RocksdbReader(rocksdb::DB* db, const Handles& handles) : db_(db), handles_(handles) {}

  absl::StatusOr<bool> Get(const rocksdb::ReadOptions& options, Column column,
                           absl::string_view key, std::string* value) const {
    const rocksdb::Status status = db_->Get(options, HandleOf(column), ToSlice(key), value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return FromRocksdbRead(status, "read");
    return true;
  }
  std::unique_ptr<EngineIterator> NewIterator(const rocksdb::ReadOptions& options, Column column,
                                              absl::string_view lower,
                                              absl::string_view upper) const {
    return std::make_unique<RocksdbIterator>(db_, HandleOf(column), options, lower, upper);
  }

  rocksdb::DB* db() const { return db_; }
  const Handles& handles() const { return handles_; }
  rocksdb::ColumnFamilyHandle* HandleOf(Column column) const {
    return handles_[static_cast<size_t>(column)];
  }

 private:
  rocksdb::DB* db_;
  Handles handles_;
};

class RocksdbSnapshot final : public EngineReader {
 public:
  explicit RocksdbSnapshot(const RocksdbReader& reader) : reader_(reader) {
    options_.snapshot = reader_.db()->GetSnapshot();
  }
  ~RocksdbSnapshot() override { reader_.db()->ReleaseSnapshot(options_.snapshot); }
  RocksdbSnapshot(const RocksdbSnapshot&) = delete;
  RocksdbSnapshot& operator=(const RocksdbSnapshot&) = delete;

  absl::StatusOr<bool> Get(Column column, absl::string_view key,
                           std::string* value) const override {
    return reader_.Get(options_, column, key, value);
  }
  std::unique_ptr<EngineIterator> NewIterator(Column column, absl::string_view lower,
                                              absl::string_view upper) const override {
    return reader_.NewIterator(options_, column, lower, upper);
  }

 private:
  const RocksdbReader reader_;
  rocksdb::ReadOptions options_;
};

class RocksdbEngine final : public Engine {
 public:
  RocksdbEngine(std::unique_ptr<rocksdb::DB> db, const Handles& handles)
      : db_(std::move(db)), reader_(db_.get(), handles) {}

  ~RocksdbEngine() override {
    for (rocksdb::ColumnFamilyHandle* handle : reader_.handles()) {
      db_->DestroyColumnFamilyHandle(handle);
    }
  }
  RocksdbEngine(const RocksdbEngine&) = delete;
  RocksdbEngine& operator=(const RocksdbEngine&) = delete;

  absl::StatusOr<bool> Get(Column column, absl::string_view key,
                           std::string* value) const override {
    return reader_.Get({}, column, key, value);
  }
  std::unique_ptr<EngineIterator> NewIterator(Column column, absl::string_view lower,
                                              absl::string_view upper) const override {
    return reader_.NewIterator({}, column, lower, upper);
  }
  std::unique_ptr<EngineBatch> NewBatch() override {
    return std::make_unique<RocksdbBatch>(reader_.handles());
  }

  absl::Status Write(EngineBatch& batch) override {
    auto& changes = static_cast<RocksdbBatch&>(batch);
    if (!changes.status().ok()) return FromRocksdb(changes.status(), "batch");
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return FromRocksdb(db_->Write(options, &changes.batch()), "write");
  }

  std::shared_ptr<const EngineReader> Snapshot() override {
    return std::make_shared<RocksdbSnapshot>(reader_);
  }

  absl::Status Flush() override {
    const std::vector<rocksdb::ColumnFamilyHandle*> columns(reader_.handles().begin(),
                                                            reader_.handles().end());
    return FromRocksdb(db_->Flush(rocksdb::FlushOptions(), columns), "flush");
  }

  // The persisted tier skips the memory tables, since there is no write-ahead log behind them.
  absl::StatusOr<bool> GetDurableMeta(absl::string_view key, std::string* value) override {
    rocksdb::ReadOptions options;
    options.read_tier = rocksdb::kPersistedTier;
    return reader_.Get(options, Column::kMeta, key, value);
  }

  absl::Status DropRange(Column column, absl::string_view lower, absl::string_view upper) override {
    if (!upper.empty() && lower >= upper) return absl::OkStatus();
    const rocksdb::Slice begin = ToSlice(lower);
    const rocksdb::Slice end = ToSlice(upper);
    const rocksdb::RangePtr range(&begin, upper.empty() ? nullptr : &end);
    const bool include_end = false;
    return FromRocksdb(
        rocksdb::DeleteFilesInRanges(db_.get(), reader_.HandleOf(column), &range, 1, include_end),
        "drop range");
  }

  absl::Status Defragment(std::atomic<bool>* cancel) override {
    if (absl::Status status = Flush(); !status.ok()) return status;
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.canceled = cancel;
    for (rocksdb::ColumnFamilyHandle* column : reader_.handles()) {
      const rocksdb::Status status = db_->CompactRange(options, column, nullptr, nullptr);
      if (status.IsManualCompactionPaused()) {
        return absl::CancelledError("engine: defragmentation: cancelled");
      }
      if (!status.ok()) return FromRocksdb(status, "defragmentation");
    }
    return absl::OkStatus();
  }

  absl::Status Checkpoint(const std::string& dir) override {
    if (std::error_code error; std::filesystem::exists(dir, error)) {
      return absl::AlreadyExistsError(absl::StrCat("engine: checkpoint: ", dir, " exists"));
    }
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(dir);
    return FromRocksdb(status, absl::StrCat("checkpoint ", dir));
  }

  uint64_t SizeBytes() const override {
    return Property(rocksdb::DB::Properties::kTotalSstFilesSize) +
           Property(rocksdb::DB::Properties::kSizeAllMemTables);
  }
  uint64_t SizeInUseBytes() const override {
    return Property(rocksdb::DB::Properties::kEstimateLiveDataSize) +
           Property(rocksdb::DB::Properties::kCurSizeAllMemTables);
  }

 private:
  uint64_t Property(const std::string& name) const {
    uint64_t sum = 0;
    return db_->GetAggregatedIntProperty(name, &sum) ? sum : 0;
  }

  const std::unique_ptr<rocksdb::DB> db_;
  const RocksdbReader reader_;
};

absl::Status OpenError(const rocksdb::Status& status, const std::string& dir) {
  const std::string text = status.ToString();
  // The system's refusal, or RocksDB's own when the other owner is in this process.
  if (status.IsIOError() && (absl::StrContains(text, "Resource temporarily unavailable") ||
                             absl::StrContains(text, "lock hold by current process"))) {
    return absl::FailedPreconditionError(
        absl::StrCat("engine: ", dir, " is already open: stop the process that has it or choose ",
                     "another data directory (", text, ")"));
  }
  if (status.IsInvalidArgument()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "engine: ", dir, " has a layout that this program does not know; run the program that ",
        "wrote it (", text, ")"));
  }
  return FromRocksdb(status, absl::StrCat("open ", dir));
}

// As DB::VerifyChecksum, which nobody can end.
absl::Status Verify(rocksdb::DB* db, const Handles& handles, const RocksdbEngineOptions& options) {
  // A compaction may be done with one of these tables before they have all been read.
  rocksdb::Status status = db->DisableFileDeletions();
  std::vector<rocksdb::LiveFileMetaData> tables;
  db->GetLiveFilesMetaData(&tables);
  bool cancelled = false;
  for (const rocksdb::LiveFileMetaData& table : tables) {
    cancelled = options.cancelled();
    if (cancelled || !status.ok()) break;
    const auto column = std::find_if(handles.begin(), handles.end(),
                                     [&](const rocksdb::ColumnFamilyHandle* handle) {
                                       return handle->GetName() == table.column_family_name;
                                     });
    status = rocksdb::VerifySstFileChecksum(db->GetOptions(*column), rocksdb::EnvOptions(),
                                            absl::StrCat(table.db_path, table.name));
  }
  const bool force = false;
  if (const auto enabled = db->EnableFileDeletions(force); status.ok()) status = enabled;
  const std::string operation = absl::StrCat("verify ", options.dir);
  if (cancelled) return absl::CancelledError(absl::StrCat("engine: ", operation, ": cancelled"));
  return FromRocksdbRead(status, operation);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenRocksdbEngine(const RocksdbEngineOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.dir, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat("engine: create directory ", options.dir));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> opened;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(DatabaseOptions(options), options.dir,
                                                   ColumnDescriptors(options), &opened, &db);
  if (!status.ok()) return OpenError(status, options.dir);
  Handles handles;
  std::copy(opened.begin(), opened.end(), handles.begin());
  auto engine = std::make_unique<RocksdbEngine>(std::unique_ptr<rocksdb::DB>(db), handles);
  if (options.verify) {
    if (absl::Status verified = Verify(db, handles, options); !verified.ok()) return verified;
  }
  return engine;
}

}  // namespace synod::storage
