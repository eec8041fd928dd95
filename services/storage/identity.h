// The file that says whose acceptor log a directory holds. Text, for people; written once.
#ifndef SYNOD_SERVICES_STORAGE_IDENTITY_H_
#define SYNOD_SERVICES_STORAGE_IDENTITY_H_

#include <string>

#include "absl/status/status.h"
#include "common/ids.h"
#include "services/storage/env.h"

namespace synod::storage {

struct LogIdentity {
  ClusterId cluster;
  NodeId node;
};

// Writes the identity durably, in one step: it is there whole or not at all.
absl::Status CreateIdentity(Env* env, const std::string& dir, const LogIdentity& identity);

// OK when the directory is `expected`'s. NotFound when it has no identity. FailedPrecondition when
// it is another cluster's or node's, or of a format this program does not know. DataLoss when the
// file is damaged.
absl::Status CheckIdentity(Env* env, const std::string& dir, const LogIdentity& expected);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_IDENTITY_H_
