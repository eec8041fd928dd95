#include "services/kv/read_view.h"

#include <string>
#include <utility>

#include "services/kv/alarms.h"
#include "services/kv/format.h"
#include "services/kv/range.h"
#include "services/kv/txn.h"
#include "services/kv/versions.h"

namespace synod::kv {
namespace {

class SnapshotView final : public ReadView {
 public:
  SnapshotView(std::shared_ptr<const storage::EngineReader> snapshot,
               std::shared_ptr<const std::atomic<Revision>> dropped)
      : snapshot_(std::move(snapshot)), dropped_(std::move(dropped)) {
    std::string bytes;
    const absl::StatusOr<bool> found = snapshot_->Get(storage::Column::kMeta, kStateKey, &bytes);
    readable_ = found.ok() && *found && DecodeState(bytes, &state_);
  }

  Slot applied() const override { return state_.applied; }
  Revision revision() const override { return state_.revision; }
  Revision compact_revision() const override { return state_.floor; }

  ReadResult<RangeResponse> Range(const RangeRequest& request) const override {
    if (!readable_) return {Error::kCorrupt, {}};
    const Error error = CheckRevision(request, bounds());
    if (error != Error::kNone) return {error, {}};
    return Finish(ExecuteRange(versions_, request, state_.revision));
  }

  ReadResult<TxnResponse> Txn(const TxnRequest& request) const override {
    if (!readable_) return {Error::kCorrupt, {}};
    const absl::StatusOr<Choices> choices = Choose(versions_, request, bounds());
    if (!choices.ok()) return {Error::kCorrupt, {}};
    const absl::StatusOr<Error> error = CheckTxn(versions_, request, *choices, bounds());
    if (!error.ok()) return {Error::kCorrupt, {}};
    if (*error != Error::kNone) return {*error, {}};
    return Finish(RunReadOnlyTxn(versions_, request, *choices, bounds()));
  }

  ReadResult<AlarmResponse> Alarms(AlarmType type) const override {
    const absl::StatusOr<kv::Alarms> alarms = kv::Alarms::Load(*snapshot_);
    if (!alarms.ok()) return {Error::kCorrupt, {}};
    return {Error::kNone, {alarms->List(type)}};
  }

 private:
  Bounds bounds() const { return {.revision = state_.revision, .floor = state_.floor}; }

  // A compaction after this view was taken may have dropped what the read was looking for.
  template <class T>
  static ReadResult<T> Finish(absl::StatusOr<T> response) {
    if (response.ok()) return {Error::kNone, *std::move(response)};
    return {absl::IsOutOfRange(response.status()) ? Error::kCompacted : Error::kCorrupt, {}};
  }

  const std::shared_ptr<const storage::EngineReader> snapshot_;
  const std::shared_ptr<const std::atomic<Revision>> dropped_;
  const EngineVersions versions_{*snapshot_, *dropped_};
  State state_;
  bool readable_ = false;
};

}  // namespace

std::shared_ptr<const ReadView> OpenView(storage::Engine& engine,
                                         std::shared_ptr<const std::atomic<Revision>> dropped) {
  return std::make_shared<SnapshotView>(engine.Snapshot(), std::move(dropped));
}

}  // namespace synod::kv
