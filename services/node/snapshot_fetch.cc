#include "services/node/snapshot_fetch.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/node/data_dir.h"

namespace synod::node {
namespace {

// Broken connections and files that arrived damaged are tried again so often before the replica
// asks somebody else.
constexpr int kTries = 5;

// Nothing has come for so long: the sender makes its copy for nobody. It may be fetched later: a
// large one takes its time, and is kept.
constexpr absl::Duration kPatience = absl::Seconds(30);

// Reads of the old state end within this, or the node has other troubles.
constexpr absl::Duration kReadersPatience = absl::Seconds(60);
constexpr absl::Duration kReadersPause = absl::Milliseconds(5);

}  // namespace

absl::StatusOr<Slot> SnapshotFetch::Fetch(const std::string& address, Slot at_least) {
  if (cancelled()) return absl::CancelledError("the node stops");
  if (auto status = Download(address, at_least); !status.ok()) return status;
  return Install();
}

void SnapshotFetch::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (call_ != nullptr) call_->Cancel();
}

bool SnapshotFetch::cancelled() {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

void SnapshotFetch::CancelIfStuck() {
  absl::MutexLock lock(&mutex_);
  if (call_ == nullptr || shared_.clock->Monotonic() - progress_at_ < kPatience) return;
  stuck_ = true;
  call_->Cancel();
}

void SnapshotFetch::NoteProgress() {
  absl::MutexLock lock(&mutex_);
  progress_at_ = shared_.clock->Monotonic();
}

absl::Status SnapshotFetch::Download(const std::string& address, Slot at_least) {
  const auto& incoming = shared_.directories->incoming();
  // What an earlier try left may not be far enough any more.
  if (incoming && incoming->descriptor.slot < at_least) {
    if (auto status = shared_.directories->Discard(); !status.ok()) return status;
  }
  // Kept from try to try: it knows what it has without reading it again.
  std::unique_ptr<storage::SnapshotDownload> download;
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    if (incoming && incoming->complete) return absl::OkStatus();
    status = DownloadRest(address, at_least, download);
    if (absl::IsNotFound(status)) {
      download.reset();
      if (auto discarded = shared_.directories->Discard(); !discarded.ok()) return discarded;
    } else if (!absl::IsUnavailable(status) && !absl::IsDataLoss(status) && !status.ok()) {
      return status;
    }
  }
  return status;
}

absl::Status SnapshotFetch::DownloadRest(const std::string& address, Slot at_least,
                                         std::unique_ptr<storage::SnapshotDownload>& download) {
  rpc::SnapshotCall::Request request{address, cluster_, self_, at_least, {}};
  const auto& incoming = shared_.directories->incoming();
  const auto start = [&](const storage::SnapshotDescriptor& descriptor) -> absl::Status {
    auto started = storage::SnapshotDownload::Start(storage::Env::Posix(), shared_.directories,
                                                    descriptor, [this] { return cancelled(); });
    if (!started.ok()) return started.status();
    download = *std::move(started);
    return absl::OkStatus();
  };
  if (incoming) {
    const storage::SnapshotDescriptor descriptor = incoming->descriptor;
    if (download == nullptr) {
      if (auto status = start(descriptor); !status.ok()) return status;
    }
    if (const auto next = download->next()) {
      request.from = {descriptor.id(), static_cast<uint32_t>(next->file), next->offset};
    } else {
      return download->Finish();
    }
  }
  uint64_t id = request.from.snapshot;
  rpc::SnapshotCall::Sink sink;
  sink.begin = [&](absl::string_view bytes) -> absl::Status {
    auto descriptor = storage::SnapshotDescriptor::Parse(bytes);
    if (!descriptor.ok()) return descriptor.status();
    if (descriptor->cluster != cluster_ || descriptor->slot < at_least ||
        (id != 0 && id != descriptor->id())) {
      return absl::InvalidArgumentError("this is not the snapshot that was asked for");
    }
    id = descriptor->id();
    NoteProgress();
    shared_.log->Info("fetching a snapshot")
        .With("from", address)
        .With("slot", descriptor->slot)
        .With("bytes", descriptor->TotalBytes());
    return download == nullptr ? start(*descriptor) : absl::OkStatus();
  };
  sink.take = [&](uint32_t file, uint64_t offset, absl::string_view data) -> absl::Status {
    NoteProgress();
    return download->Write(id, {file, offset}, data);
  };
  if (auto status = Call(request, sink); !status.ok()) return status;
  if (download == nullptr || download->next()) {
    return absl::UnavailableError("the sender ended before the end");
  }
  return download->Finish();
}

absl::Status SnapshotFetch::Call(const rpc::SnapshotCall::Request& request,
                                 const rpc::SnapshotCall::Sink& sink) {
  rpc::SnapshotCall call;
  {
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return absl::CancelledError("the node stops");
    call_ = &call;
    progress_at_ = shared_.clock->Monotonic();
    stuck_ = false;
  }
  absl::Status status = call.Run(request, sink);
  absl::MutexLock lock(&mutex_);
  call_ = nullptr;
  if (status.ok() || !stuck_ || cancelled_) return status;
  return absl::DeadlineExceededError(
      absl::StrCat("nothing has come for ", absl::FormatDuration(kPatience)));
}

absl::StatusOr<Slot> SnapshotFetch::Install() {
  storage::StateDirectories& directories = *shared_.directories;
  const Slot slot = directories.incoming()->descriptor.slot;
  const std::weak_ptr<State> old = shared_.state->Get();
  absl::Status status = ReplaceState(slot);
  if (!status.ok()) {
    // When the node stops its next start goes on with what is there.
    if (!absl::IsCancelled(status)) directories.Discard().IgnoreError();
    return status;
  }
  // From here on the node serves the new state: there is no way back.
  const absl::Duration until = shared_.clock->Monotonic() + kReadersPatience;
  while (!old.expired() && shared_.clock->Monotonic() < until) absl::SleepFor(kReadersPause);
  if (status = directories.Install(); !status.ok()) {
    shared_.fatal("installing a snapshot", status);
    return status;
  }
  shared_.log->Info("snapshot installed").With("slot", slot);
  return slot;
}

absl::Status SnapshotFetch::ReplaceState(Slot slot) {
  // What the giver's disk has spoilt has the checksum of the spoilt file.
  auto state = OpenWholeState(shared_.directories->incoming_dir(), [this] { return cancelled(); });
  if (!state.ok()) return state.status();
  if (const Slot applied = (*state)->machine->applied(); applied != slot) {
    return absl::DataLossError(absl::StrCat("the snapshot is said to be of slot ", slot.value(),
                                            " and is of slot ", applied.value()));
  }
  return steps_.replace_state(*std::move(state), [&] { return steps_.cut_log(slot); });
}

}  // namespace synod::node
