// What all segments of an acceptor log add up to: an index of what can be read, which votes are
// lost, and whether batches are lost of which nothing is known.
#ifndef SYNOD_SERVICES_STORAGE_LOG_REPLAY_H_
#define SYNOD_SERVICES_STORAGE_LOG_REPLAY_H_

#include <string>

#include "absl/status/status.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "services/storage/log_recovery.h"

namespace synod::storage {

// Reads the segments of `log.manifest` and fills in the rest of `log`. Batches found lost without a
// trace are put into the manifest, durably, once: its groups' lost_through rise to their promises.
//
// DataLoss when a ballot exceeds its group's promise: the directory's files are of different times.
absl::Status ReplaySegments(Env* env, const std::string& dir, const LogIdentity& identity,
                            RecoveredLog& log);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_LOG_REPLAY_H_
