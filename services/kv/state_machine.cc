#include "services/kv/state_machine.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "services/kv/alarms.h"
#include "services/kv/command.h"
#include "services/kv/format.h"
#include "services/kv/mutation.h"
#include "services/kv/range.h"
#include "services/kv/read_view.h"
#include "services/kv/tombstones.h"
#include "services/kv/txn.h"
#include "services/kv/version_cache.h"
#include "services/kv/versions.h"
#include "services/kv/write_set.h"

namespace synod::kv {
namespace {

using storage::Column;

// Runs one command against a write set. The revision and the floor move with it.
class Applier {
 public:
  Applier(WriteSet& writes, State& state, Alarms& alarms)
      : writes_(writes), state_(state), alarms_(alarms) {}

  // Not OK only when the engine fails.
  absl::StatusOr<Result> Run(absl::string_view command) {
    const absl::StatusOr<Request> request = DecodeCommand(command);
    if (!request.ok()) return Refuse(Error::kCorrupt);
    const Error error = Refusal(alarms_.raised(), *request);
    if (error != Error::kNone) return Refuse(error);
    return std::visit(*this, *request);
  }

  absl::StatusOr<Result> operator()(const PutRequest& request) {
    const absl::StatusOr<Error> error = CheckPut(writes_, request, bounds());
    if (!error.ok()) return error.status();
    if (*error != Error::kNone) return Refuse(*error);
    Mutation mutation(writes_, bounds());
    return Finish(mutation, mutation.Put(request));
  }

  absl::StatusOr<Result> operator()(const DeleteRangeRequest& request) {
    Mutation mutation(writes_, bounds());
    return Finish(mutation, mutation.DeleteRange(request));
  }

  absl::StatusOr<Result> operator()(const TxnRequest& request) {
    const absl::StatusOr<Choices> choices = Choose(writes_, request, bounds());
    if (!choices.ok()) return choices.status();
    const absl::StatusOr<Error> error = CheckTxn(writes_, request, *choices, bounds());
    if (!error.ok()) return error.status();
    if (*error != Error::kNone) return Refuse(*error);
    Mutation mutation(writes_, bounds());
    return Finish(mutation, RunTxn(mutation, request, *choices));
  }

  // `physical` changes when the caller is answered, not what happens: nothing is rewritten, and
  // history below the floor is unreadable at once.
  absl::StatusOr<Result> operator()(const CompactRequest& request) {
    if (request.revision <= state_.floor) return Refuse(Error::kCompacted);
    if (request.revision > state_.revision) return Refuse(Error::kFutureRevision);
    state_.floor = request.revision;
    return Result{
        .error = Error::kNone, .response = CompactResponse(), .revision = state_.revision};
  }

  absl::StatusOr<Result> operator()(const AlarmRequest& request) {
    AlarmResponse response = request.action == AlarmAction::kActivate
                                 ? alarms_.Activate(request.alarm)
                                 : alarms_.Deactivate(request.alarm);
    if (!response.alarms.empty()) writes_.PutMeta(kAlarmsKey, alarms_.Encode());
    return Result{
        .error = Error::kNone, .response = std::move(response), .revision = state_.revision};
  }

 private:
  Bounds bounds() const { return {.revision = state_.revision, .floor = state_.floor}; }

  Result Refuse(Error error) const {
    return {.error = error, .response = {}, .revision = state_.revision};
  }

  template <class T>
  absl::StatusOr<Result> Finish(const Mutation& mutation, absl::StatusOr<T> response) {
    if (!response.ok()) return response.status();
    state_.revision = mutation.revision();
    return Result{
        .error = Error::kNone, .response = *std::move(response), .revision = state_.revision};
  }

  WriteSet& writes_;
  State& state_;
  Alarms& alarms_;
};

class MvccStateMachine final : public StateMachine {
 public:
  MvccStateMachine(storage::Engine* engine, State state, Alarms alarms, std::string configurations,
                   size_t cache_bytes)
      : engine_(*engine),
        cache_(cache_bytes),
        state_(state),
        alarms_(std::move(alarms)),
        raised_(alarms_.raised()),
        configurations_(std::move(configurations)) {}

  Slot applied() const override { return state_.applied; }
  const std::string& configurations() const override { return configurations_; }

  absl::StatusOr<std::vector<Result>> Apply(absl::Span<const SlotCommands> slots) override {
    std::vector<Result> results;
    State state = state_;
    Alarms alarms = alarms_;
    WriteSet writes(engine_, stored_, cache_);
    Applier applier(writes, state, alarms);
    absl::string_view configurations;
    for (const SlotCommands& slot : slots) {
      if (slot.slot <= state.applied) continue;
      SYNOD_CHECK(slot.slot == state.applied.next())
          << "slot " << slot.slot.value() << " after " << state.applied.value();
      for (const absl::string_view command : slot.commands) {
        absl::StatusOr<Result> result = applier.Run(command);
        if (!result.ok()) return result.status();
        results.push_back(*std::move(result));
      }
      if (!slot.configurations.empty()) configurations = slot.configurations;
      state.applied = slot.slot;
    }
    if (state.applied == state_.applied) return results;

    absl::Status status = SweepTombstones(engine_, writes, state);
    if (!configurations.empty()) writes.PutMeta(kConfigurationsKey, std::string(configurations));
    if (status.ok()) status = writes.Commit(state);
    if (!status.ok()) return status;
    state_ = state;
    alarms_ = std::move(alarms);
    raised_.store(alarms_.raised(), std::memory_order_relaxed);
    if (!configurations.empty()) configurations_ = std::string(configurations);
    Publish();
    return results;
  }

  std::shared_ptr<const ReadView> View() const override {
    absl::MutexLock lock(&mutex_);
    if (view_ == nullptr) view_ = OpenView(engine_, dropped_);
    return view_;
  }

  Error Refuses(const Request& request) const override {
    return Refusal(raised_.load(std::memory_order_relaxed), request);
  }

  absl::StatusOr<Slot> DurableApplied() override {
    std::string bytes;
    const absl::StatusOr<bool> found = engine_.GetDurableMeta(kStateKey, &bytes);
    if (!found.ok()) return found.status();
    if (!*found) return Slot();
    State durable;
    if (!DecodeState(bytes, &durable)) return DamagedRecord("durable state", kStateKey);
    const absl::Status status = DropHistory(durable.floor);
    if (!status.ok()) return status;
    return durable.applied;
  }

  absl::StatusOr<uint32_t> Hash() const override {
    const ReadResult<HashResponse> result =
        OpenView(engine_, dropped_)->Hash(0, [] { return false; });
    if (result.error == Error::kNone) return result.response.hash;
    return absl::DataLossError("the store cannot be read");
  }

 private:
  // The next View() opens a new one. The old one, which pins engine files, lives on only where it
  // is in use; it is not destroyed under the lock.
  void Publish() {
    std::shared_ptr<const ReadView> old;
    absl::MutexLock lock(&mutex_);
    old.swap(view_);
  }

  // Only below a floor that would survive a crash: else a restart could come back to a state whose
  // reads, and whose replayed transactions, still need what is gone.
  absl::Status DropHistory(Revision durable_floor) {
    if (durable_floor < 0) return absl::OkStatus();
    dropped_->store(durable_floor);
    // For the same floor again and again: a file that was just being rewritten stays at first.
    return engine_.DropRange(Column::kHistory, "", HistoryKey({durable_floor + 1, 0}));
  }

  storage::Engine& engine_;
  // Readers must see the rise before the records go.
  const std::shared_ptr<std::atomic<Revision>> dropped_ =
      std::make_shared<std::atomic<Revision>>(-1);
  const EngineVersions stored_{engine_, *dropped_};
  VersionCache cache_;
  State state_;
  Alarms alarms_;
  std::atomic<RaisedKinds> raised_;  // of alarms_
  std::string configurations_;

  mutable absl::Mutex mutex_;
  mutable std::shared_ptr<const ReadView> view_ ABSL_GUARDED_BY(mutex_);  // null: stale
};

// The format and state records of `engine`, written first when it is empty.
absl::StatusOr<State> LoadState(storage::Engine* engine) {
  std::string format_bytes;
  std::string state_bytes;
  const absl::StatusOr<bool> has_format = engine->Get(Column::kMeta, kFormatKey, &format_bytes);
  if (!has_format.ok()) return has_format.status();
  const absl::StatusOr<bool> has_state = engine->Get(Column::kMeta, kStateKey, &state_bytes);
  if (!has_state.ok()) return has_state.status();

  State state;
  if (!*has_format && !*has_state) {
    const std::unique_ptr<storage::EngineBatch> batch = engine->NewBatch();
    batch->Put(Column::kMeta, kFormatKey, EncodeFormat());
    batch->Put(Column::kMeta, kStateKey, EncodeState(state));
    const absl::Status status = engine->Write(*batch);
    if (!status.ok()) return status;
    return state;
  }
  uint32_t format = 0;
  if (!*has_format || !DecodeFormat(format_bytes, &format)) {
    return DamagedRecord("format number", kFormatKey);
  }
  if (format > kStateFormat) {
    return absl::FailedPreconditionError(absl::StrCat("the data has format ", format,
                                                      ", this program knows up to ", kStateFormat,
                                                      ": start a newer program"));
  }
  if (!*has_state || !DecodeState(state_bytes, &state)) return DamagedRecord("state", kStateKey);
  return state;
}

// Whether the newest history record is the one the state speaks of. At or below the floor the
// engine may have dropped any of them.
absl::Status CheckHistoryEnd(const storage::Engine& engine, const State& state) {
  const auto it = engine.NewIterator(Column::kHistory, "", "");
  it->SeekToLast();
  if (!it->status().ok()) return it->status();
  Position last{.revision = State().revision};
  if (it->Valid() && !DecodeHistoryKey(it->key(), &last)) {
    return DamagedRecord("history key", it->key());
  }
  const bool may_be_dropped = state.revision == state.floor;
  if (last.revision == state.revision || (may_be_dropped && last.revision < state.revision)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("the state is at revision ", state.revision,
                                          ", its history ends at ", last.revision));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateMachine>> StateMachine::Open(storage::Engine* engine,
                                                                 const Options& options) {
  absl::StatusOr<State> state = LoadState(engine);
  if (!state.ok()) return state.status();
  const absl::Status status = CheckHistoryEnd(*engine, *state);
  if (!status.ok()) return status;
  absl::StatusOr<Alarms> alarms = Alarms::Load(*engine);
  if (!alarms.ok()) return alarms.status();
  std::string configurations;
  const absl::StatusOr<bool> found =
      engine->Get(Column::kMeta, kConfigurationsKey, &configurations);
  if (!found.ok()) return found.status();
  return std::make_unique<MvccStateMachine>(engine, *state, *std::move(alarms),
                                            std::move(configurations), options.cache_bytes);
}

}  // namespace synod::kv
