// Opening an acceptor log's directory: whose it is, what its manifest promises, and every record of
// every segment verified (log_replay.h).
#ifndef SYNOD_SERVICES_STORAGE_LOG_RECOVERY_H_
#define SYNOD_SERVICES_STORAGE_LOG_RECOVERY_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "services/storage/manifest.h"
#include "services/storage/segment.h"
#include "services/storage/slot_index.h"

namespace synod::storage {

struct RecoveredLog {
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<Manifest> manifest;
  std::deque<std::shared_ptr<Segment>> segments;  // the manifest's, oldest first
  SlotIndex index;
  std::vector<std::string> damage;  // as AcceptorLog::damage
  uint64_t next_sequence = 1;
  uint64_t next_segment = 1;
};

// Creates the log when the directory holds none. Errors as AcceptorLog::Open; a directory that is
// refused because it is someone else's is left untouched.
absl::StatusOr<RecoveredLog> RecoverLog(Env* env, const std::string& dir,
                                        const LogIdentity& identity, uint64_t new_instance);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_LOG_RECOVERY_H_
