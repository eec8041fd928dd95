// RocksDB's errors as Abseil's.
#ifndef SYNOD_SERVICES_STORAGE_ROCKSDB_STATUS_H_
#define SYNOD_SERVICES_STORAGE_ROCKSDB_STATUS_H_

#include <rocksdb/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace synod::storage {

// OK for ok. Corruption is DataLoss, a full disk ResourceExhausted, any other IO error Internal.
// `operation` opens the message.
absl::Status FromRocksdb(const rocksdb::Status& status, absl::string_view operation);

// The same, except that what the device cannot read counts as lost: EIO is DataLoss too. Other IO
// errors may pass (too many open files, no memory), and nothing is given up for them.
absl::Status FromRocksdbRead(const rocksdb::Status& status, absl::string_view operation);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_ROCKSDB_STATUS_H_
