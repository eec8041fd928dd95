// The contents of an acceptor log's manifest and their bytes. Pure functions; the layout is
// specified in docs/storage.md.
#ifndef SYNOD_SERVICES_STORAGE_MANIFEST_CODEC_H_
#define SYNOD_SERVICES_STORAGE_MANIFEST_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/storage/identity.h"
#include "services/storage/sequence_ranges.h"

namespace synod::storage {

struct GroupManifest {
  paxos::Ballot promised;
  Slot cut_through;
  bool founded = false;
  std::map<NodeId, uint64_t> instances;  // of the other voters' logs

  // The promise when batches were last found lost without a trace; votes up to it may be missing
  // until that is repaired.
  paxos::Ballot lost_through;
  bool repaired = false;

  friend bool operator==(const GroupManifest&, const GroupManifest&) = default;
};

struct SegmentManifest {
  uint64_t id = 0;
  uint64_t first_sequence = 0;  // of the first batch in it

  friend bool operator==(const SegmentManifest&, const SegmentManifest&) = default;
};

struct ManifestState {
  uint64_t instance = 0;                  // of the log, for ever
  std::vector<SegmentManifest> segments;  // oldest first; batches go to the last
  SequenceRanges lost;  // batches of these segments that are in some group's lost_through already
  std::map<GroupId, GroupManifest> groups;

  friend bool operator==(const ManifestState&, const ManifestState&) = default;
};

// One of the two copies.
struct ManifestCopy {
  uint64_t generation = 0;
  uint32_t format = kLogFormat;  // that it was read in
  ManifestState state;
};

// `copy` is 0 or 1: each has a seed of its own, so that a write that strays into the other file
// does not count. Always in today's format.
std::string EncodeManifest(const ManifestCopy& contents, const LogIdentity& identity, size_t copy);

// Nothing when the bytes are damaged or of an unknown format.
std::optional<ManifestCopy> DecodeManifest(absl::string_view bytes, const LogIdentity& identity,
                                           size_t copy);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MANIFEST_CODEC_H_
