#include "services/kv/read_view.h"

#include <string>
#include <utility>

#include "services/kv/alarms.h"
#include "services/kv/format.h"
#include "services/kv/range.h"
#include "services/kv/state_hash.h"
#include "services/kv/txn.h"
#include "services/kv/versions.h"

namespace synod::kv {
namespace {

constexpr int kKeysBetweenQuestions = 256;

// The versions of one read, which end it with Cancelled when nobody waits for it any more. A
// single key is always read: it costs less than to ask.
class AbandonableVersions final : public Versions {
 public:
  AbandonableVersions(const Versions& versions, GiveUp give_up)
      : versions_(versions), give_up_(give_up) {}

  absl::StatusOr<bool> GetNewest(absl::string_view key, std::string* bytes) const override {
    return versions_.GetNewest(key, bytes);
  }

  absl::Status WalkNewest(absl::string_view lower, absl::string_view upper,
                          VisitBytes visit) const override {
    bool given_up = false;
    absl::Status status =
        versions_.WalkNewest(lower, upper, [&](absl::string_view key, absl::string_view bytes) {
          given_up = ++walked_ % kKeysBetweenQuestions == 0 && give_up_();
          return !given_up && visit(key, bytes);
        });
    return given_up ? absl::CancelledError("nobody waits for this read") : status;
  }

  absl::Status GetHistory(Position position, std::string* bytes) const override {
    return versions_.GetHistory(position, bytes);
  }

 private:
  const Versions& versions_;
  const GiveUp give_up_;
  mutable int64_t walked_ = 0;  // keys, by all walks of the read
};

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

  ReadResult<RangeResponse> Range(const RangeRequest& request, GiveUp give_up) const override {
    if (!readable_) return {Error::kCorrupt, {}};
    const Error error = CheckRevision(request, bounds());
    if (error != Error::kNone) return {error, {}};
    const AbandonableVersions versions(versions_, give_up);
    return Finish(ExecuteRange(versions, request, state_.revision));
  }

  ReadResult<TxnResponse> Txn(const TxnRequest& request, GiveUp give_up) const override {
    if (!readable_) return {Error::kCorrupt, {}};
    const AbandonableVersions versions(versions_, give_up);
    const absl::StatusOr<Choices> choices = Choose(versions, request, bounds());
    if (!choices.ok()) return {ErrorOf(choices.status()), {}};
    const absl::StatusOr<Error> error = CheckTxn(versions, request, *choices, bounds());
    if (!error.ok()) return {ErrorOf(error.status()), {}};
    if (*error != Error::kNone) return {*error, {}};
    return Finish(RunReadOnlyTxn(versions, request, *choices, bounds()));
  }

  ReadResult<HashResponse> Hash(Revision revision, GiveUp give_up) const override {
    if (!readable_) return {Error::kCorrupt, {}};
    if (revision <= 0) revision = state_.revision;
    if (revision < state_.floor) return {Error::kCompacted, {}};
    if (revision > state_.revision) return {Error::kFutureRevision, {}};
    const AbandonableVersions versions(versions_, give_up);
    const absl::StatusOr<uint32_t> hash =
        HashStore(*snapshot_, versions, {state_.floor, revision}, give_up);
    if (!hash.ok()) return {ErrorOf(hash.status()), {}};
    // Some of what it should have seen may have gone before it came there.
    if (dropped_->load() > state_.floor) return {Error::kCompacted, {}};
    return {Error::kNone, {*hash, state_.floor, revision}};
  }

  ReadResult<AlarmResponse> Alarms(AlarmType type) const override {
    const absl::StatusOr<kv::Alarms> alarms = kv::Alarms::Load(*snapshot_);
    if (!alarms.ok()) return {Error::kCorrupt, {}};
    return {Error::kNone, {alarms->List(type)}};
  }

 private:
  Bounds bounds() const { return {.revision = state_.revision, .floor = state_.floor}; }

  template <class T>
  static ReadResult<T> Finish(absl::StatusOr<T> response) {
    if (response.ok()) return {Error::kNone, *std::move(response)};
    return {ErrorOf(response.status()), {}};
  }

  static Error ErrorOf(const absl::Status& status) {
    // A compaction after this view was taken may have dropped what the read was looking for.
    if (absl::IsOutOfRange(status)) return Error::kCompacted;
    return absl::IsCancelled(status) ? Error::kGivenUp : Error::kCorrupt;
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
