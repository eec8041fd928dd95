// The file that says whose acceptor log a directory holds. Text, for people; written once.
#ifndef SYNOD_SERVICES_STORAGE_IDENTITY_H_
#define SYNOD_SERVICES_STORAGE_IDENTITY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/storage/env.h"

namespace synod::storage {

// Of the directory: which files there are and what they hold. Older ones, from 1 on, are brought up
// to date when they are opened.
inline constexpr uint32_t kLogFormat = 2;

struct LogIdentity {
  ClusterId cluster;
  NodeId node;
};

// Writes the identity, of today's format, durably and in one step: the new one is there whole, or
// what was there before.
absl::Status WriteIdentity(Env* env, const std::string& dir, const LogIdentity& identity);

// Whose directory it is. NotFound when it has no identity; DataLoss when the file is damaged or of
// a newer format.
absl::StatusOr<LogIdentity> ReadIdentity(Env* env, const std::string& dir);

// The directory's format when it is `expected`'s. NotFound when it has no identity.
// FailedPrecondition when it is another cluster's or node's, or of a format that this program does
// not know. DataLoss when the file is damaged.
absl::StatusOr<uint32_t> CheckIdentity(Env* env, const std::string& dir,
                                       const LogIdentity& expected);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_IDENTITY_H_
