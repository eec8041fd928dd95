// How RocksDB is set up for the three columns, and why.
#ifndef SYNOD_SERVICES_STORAGE_ROCKSDB_OPTIONS_H_
#define SYNOD_SERVICES_STORAGE_ROCKSDB_OPTIONS_H_

#include <rocksdb/db.h>

#include <vector>

#include "services/storage/engine.h"
#include "services/storage/rocksdb_engine.h"

namespace synod::storage {

rocksdb::DBOptions DatabaseOptions(const RocksdbEngineOptions& options);

// One per Column, in its order.
std::vector<rocksdb::ColumnFamilyDescriptor> ColumnDescriptors(const RocksdbEngineOptions& options);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ROCKSDB_OPTIONS_H_
