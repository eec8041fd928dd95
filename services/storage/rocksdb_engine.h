// The Engine on RocksDB.
//
// Its write-ahead log is off: the Paxos log is the log. The columns are flushed together
// (atomic_flush), in the background too, so what is on disk is always the state after some whole
// batch. Closing flushes nothing: a stop without Flush is a crash.
//
// Thread-safety: as Engine. RocksDB's own threads flush and compact.
#ifndef SYNOD_SERVICES_STORAGE_ROCKSDB_ENGINE_H_
#define SYNOD_SERVICES_STORAGE_ROCKSDB_ENGINE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/storage/engine.h"

namespace synod::storage {

// Memory is about block_cache_bytes + 4 * write_buffer_bytes, however many keys there are. The
// defaults suit several nodes on one machine.
struct RocksdbEngineOptions {
  std::string dir;  // created when absent, with its parents
  size_t block_cache_bytes = 64 << 20;
  size_t write_buffer_bytes = 16 << 20;  // per column; a full one flushes all columns
  bool verify = false;  // read every block, which takes long, and compare its checksum

  // Asked between two tables of a verification; true ends it, with Cancelled.
  std::function<bool()> cancelled = [] { return false; };
};

// FailedPrecondition when another process has the directory open or a newer program wrote it;
// DataLoss when its contents are damaged.
absl::StatusOr<std::unique_ptr<Engine>> OpenRocksdbEngine(const RocksdbEngineOptions& options);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ROCKSDB_ENGINE_H_
