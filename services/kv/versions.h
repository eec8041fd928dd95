// Where the versions of keys are read from: the engine, or the engine beneath a batch that is still
// being built (write_set.h). And what every read is made of: a walk over the keys that were live at
// a revision.
//
// Status codes of all calls: DataLoss when stored bytes are missing or damaged; OutOfRange when the
// history asked for has been dropped since the view was taken; else the engine's own.
#ifndef SYNOD_SERVICES_KV_VERSIONS_H_
#define SYNOD_SERVICES_KV_VERSIONS_H_

#include <atomic>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/kv/format.h"
#include "services/storage/engine.h"

namespace synod::kv {

class Versions {
 public:
  // Returns false to end the walk.
  using VisitBytes = absl::FunctionRef<bool(absl::string_view key, absl::string_view bytes)>;

  virtual ~Versions() = default;

  // The encoded Newest of `key`; false when there is none.
  virtual absl::StatusOr<bool> GetNewest(absl::string_view key, std::string* bytes) const = 0;

  // The same for every key of [lower, upper), in order; an empty `upper` means "to the end".
  virtual absl::Status WalkNewest(absl::string_view lower, absl::string_view upper,
                                  VisitBytes visit) const = 0;

  // The encoded HistoryRecord at `position`, which a newer version refers to: it must be there.
  virtual absl::Status GetHistory(Position position, std::string* bytes) const = 0;
};

// Versions of an engine or of a snapshot of one.
class EngineVersions final : public Versions {
 public:
  // `dropped`: the highest revision whose history may have been dropped; it may rise meanwhile.
  EngineVersions(const storage::EngineReader& reader, const std::atomic<Revision>& dropped)
      : reader_(reader), dropped_(dropped) {}

  absl::StatusOr<bool> GetNewest(absl::string_view key, std::string* bytes) const override;
  absl::Status WalkNewest(absl::string_view lower, absl::string_view upper,
                          VisitBytes visit) const override;
  absl::Status GetHistory(Position position, std::string* bytes) const override;

 private:
  const storage::EngineReader& reader_;
  const std::atomic<Revision>& dropped_;
};

// The keys an etcd request names.
struct KeyRange {
  absl::string_view key;
  absl::string_view range_end;  // empty: `key` alone; "\0": all from `key` on; else excluded
};

bool Contains(const KeyRange& range, absl::string_view key);

// Calls `visit` in key order for every key of `range` that was live at `revision`, until it returns
// false. Precondition: `revision` is not below the compaction floor. A read of the newest revision
// touches no history.
using VisitVersion = absl::FunctionRef<bool(absl::string_view key, const Version& version)>;
absl::Status WalkLive(const Versions& versions, KeyRange range, Revision revision,
                      VisitVersion visit);

absl::Status DamagedRecord(absl::string_view what, absl::string_view key);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_VERSIONS_H_
