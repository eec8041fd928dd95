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
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"

namespace synod::storage {

struct GroupManifest {
  paxos::Ballot promised;
  Slot cut_through;

  friend bool operator==(const GroupManifest&, const GroupManifest&) = default;
};

struct SegmentManifest {
  uint64_t id = 0;
  uint64_t first_sequence = 0;  // of the first batch in it

  friend bool operator==(const SegmentManifest&, const SegmentManifest&) = default;
};

struct ManifestState {
  std::vector<SegmentManifest> segments;  // oldest first; batches go to the last
  std::map<GroupId, GroupManifest> groups;

  friend bool operator==(const ManifestState&, const ManifestState&) = default;
};

class Manifest {
 public:
  // An empty state in both copies, replacing what an unfinished creation left.
  static absl::Status Create(Env* env, const std::string& dir, const LogIdentity& identity);

  // Reads both copies, takes the newer intact one and makes the two equal again. DataLoss when
  // neither is intact.
  static absl::StatusOr<std::unique_ptr<Manifest>> Open(Env* env, const std::string& dir,
                                                        const LogIdentity& identity);

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
