#include "services/storage/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <memory>

namespace synod::storage {
namespace {

constexpr int kBackgroundJobs = 2;
constexpr int kOpenFiles = 512;
constexpr size_t kInfoLogBytes = 1 << 20;
constexpr int kFilterBitsPerKey = 10;
constexpr size_t kBlockBytes = 8 << 10;
constexpr int kLevels = 7;
constexpr int kUncompressedLevels = 2;

rocksdb::ColumnFamilyOptions CommonColumnOptions(const RocksdbEngineOptions& options,
                                                 const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = kBlockBytes;
  // Index and filters live in the cache too, so that memory does not grow with the data.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions column;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  column.write_buffer_size = options.write_buffer_bytes;
  column.max_write_buffer_number = 2;
  column.target_file_size_base = options.write_buffer_bytes;
  column.max_bytes_for_level_base = 4 * options.write_buffer_bytes;
  // Young data is rewritten soon: compressing it would cost more than it saves.
  column.num_levels = kLevels;
  column.compression_per_level.assign(kLevels, rocksdb::kLZ4Compression);
  for (int level = 0; level < kUncompressedLevels; ++level) {
    column.compression_per_level[static_cast<size_t>(level)] = rocksdb::kNoCompression;
  }
  return column;
}

}  // namespace

rocksdb::DBOptions DatabaseOptions(const RocksdbEngineOptions& options) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.atomic_flush = true;
  database.avoid_flush_during_shutdown = true;
  database.db_write_buffer_size = 3 * options.write_buffer_bytes;
  database.max_background_jobs = kBackgroundJobs;
  database.max_open_files = kOpenFiles;
  // There is one writer, and the insert hint of `history` works without concurrent writes only.
  database.allow_concurrent_memtable_write = false;
  database.info_log_level = rocksdb::WARN_LEVEL;
  database.max_log_file_size = kInfoLogBytes;
  database.keep_log_file_num = 2;
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnDescriptors(
    const RocksdbEngineOptions& options) {
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  const rocksdb::ColumnFamilyOptions common = CommonColumnOptions(options, cache);
  // Keys of `history` only ever rise: each insert starts from where the last one ended, and files
  // do not overlap, so compaction moves most of them without rewriting.
  rocksdb::ColumnFamilyOptions history = common;
  history.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(0));
  return {{rocksdb::kDefaultColumnFamilyName, common}, {"current", common}, {"history", history}};
}

}  // namespace synod::storage
