// The effects of one Apply before they are written: later commands of the same Apply read through
// it, then everything goes to the engine in one atomic batch.
//
// Memory is bounded by the Apply and the cache, not by the store. Not thread-safe.
#ifndef SYNOD_SERVICES_KV_WRITE_SET_H_
#define SYNOD_SERVICES_KV_WRITE_SET_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "services/kv/version_cache.h"
#include "services/kv/versions.h"
#include "services/storage/engine.h"

namespace synod::kv {

class WriteSet final : public Versions {
 public:
  // `stored` reads `engine`. All outlive this.
  WriteSet(storage::Engine& engine, const Versions& stored, VersionCache& cache)
      : engine_(engine), stored_(stored), cache_(cache) {}

  absl::StatusOr<bool> GetNewest(absl::string_view key, std::string* bytes) const override;
  absl::Status WalkNewest(absl::string_view lower, absl::string_view upper,
                          VisitBytes visit) const override;
  absl::Status GetHistory(Position position, std::string* bytes) const override;

  void PutNewest(absl::string_view key, std::string bytes);
  void EraseNewest(absl::string_view key);

  // Precondition: `position` is above all appended before.
  void AppendHistory(Position position, std::string bytes);

  void PutTombstone(Position position, absl::string_view key);
  void EraseTombstone(Position position);

  // A record of kMeta that has a writer of its own.
  void PutMeta(absl::string_view key, std::string bytes);

  // How many history records wait here.
  size_t changes() const { return history_.size(); }

  // Of the first of them; above every real revision when there is none.
  Revision oldest_change() const;

  // Writes everything and `state` in one batch. After a failure the engine is unusable: stop.
  absl::Status Commit(const State& state);

 private:
  struct PendingHistory {
    Position position;
    std::string bytes;
  };

  storage::Engine& engine_;
  const Versions& stored_;
  VersionCache& cache_;
  absl::btree_map<std::string, std::optional<std::string>> newest_;  // no bytes: erased
  std::vector<PendingHistory> history_;                              // ascending
  absl::btree_map<Position, std::optional<std::string>> tombstones_;
  absl::btree_map<std::string, std::string> meta_;
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_WRITE_SET_H_
