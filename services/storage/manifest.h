// What an acceptor must never forget besides values: each group's promise, and which segments make
// up the log. Two files with the same contents, written and synced one after the other, so that at
// any moment at most one of them is being changed: no crash leaves both unreadable, and one rotten
// copy is survived. Both unreadable is DataLoss: the replica must not vote again.
//
// Two syncs per change: changes are as rare as elections, full segments and recycled segments.
//
// Thread-safety: one owner.
#ifndef SYNOD_SERVICES_STORAGE_MANIFEST_H_
#define SYNOD_SERVICES_STORAGE_MANIFEST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"
#include "services/storage/manifest_codec.h"

namespace synod::storage {

class Manifest {
 public:
  // An otherwise empty state in both copies, replacing what an unfinished creation left.
  static absl::Status Create(Env* env, const std::string& dir, const LogIdentity& identity,
                             uint64_t instance);

  // Reads both copies, takes the newer intact one and makes the two equal again, in today's format.
  // `new_instance` is for a log of the format that had none. DataLoss when neither is intact.
  static absl::StatusOr<std::unique_ptr<Manifest>> Open(Env* env, const std::string& dir,
                                                        const LogIdentity& identity,
                                                        uint64_t new_instance);

  const ManifestState& state() const { return state_; }

  // Durable when it returns OK. After an error the state on disk is the old or the new one; the
  // caller stops.
  absl::Status Store(ManifestState state);

 private:
  explicit Manifest(const LogIdentity& identity) : identity_(identity) {}
  absl::Status WriteCopy(size_t copy);

  const LogIdentity identity_;
  std::array<std::unique_ptr<File>, 2> files_;
  uint64_t generation_ = 0;
  ManifestState state_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MANIFEST_H_
