#include "tests/sim/snapshot_taker.h"

#include <utility>

namespace synod::sim {
namespace {

constexpr int kTries = 5;  // as node::SnapshotFetch

}  // namespace

SnapshotTaker::SnapshotTaker(World& world, Process& process, storage::Env* env,
                             storage::StateDirectories* directories, Options options, Ask ask)
    : world_(world),
      process_(process),
      env_(env),
      directories_(directories),
      options_(options),
      ask_(std::move(ask)) {}

void SnapshotTaker::Fetch(NodeId from, Slot at_least, Done done) {
  done_ = std::move(done);
  from_ = from;
  at_least_ = at_least;
  tries_ = 0;
  download_.reset();
  const auto& incoming = directories_->incoming();
  // What an earlier try left may not be far enough any more.
  if (incoming && incoming->descriptor.slot < at_least) {
    if (absl::Status status = directories_->Discard(); !status.ok()) return End(status);
  }
  Try();
}

void SnapshotTaker::Try() {
  const auto& incoming = directories_->incoming();
  if (incoming && incoming->complete) return End(absl::OkStatus());
  if (tries_++ == kTries) return End(last_);
  SnapshotRequest request{{options_.self, process_.life(), ++stream_}, at_least_, {}};
  if (incoming) {
    const storage::SnapshotDescriptor descriptor = incoming->descriptor;
    // Kept from try to try: it knows what it has without reading it again.
    if (download_ == nullptr) {
      if (absl::Status status = Start(descriptor); !status.ok()) return End(status);
    }
    const auto next = download_->next();
    if (!next) return OnEnd(absl::OkStatus());
    request.from = {descriptor.id(), static_cast<uint32_t>(next->file), next->offset};
    if (next->file > 0) {
      world_.coverage.Saw(tries_ == 1 ? Situation::kDownloadResumedLater
                                      : Situation::kDownloadResumed);
    }
  }
  snapshot_ = request.from.snapshot;
  ask_(from_, request);
  Watch();
}

void SnapshotTaker::Watch() {
  process_.After(options_.patience, [this, stream = stream_, pieces = pieces_] {
    if (!done_ || stream != stream_) return;
    if (pieces != pieces_) return Watch();
    world_.coverage.Saw(Situation::kSnapshotStreamBroken);
    Retry(absl::UnavailableError("the connection broke"));
  });
}

void SnapshotTaker::Retry(const absl::Status& status) {
  last_ = status;
  if (absl::IsNotFound(status)) {
    download_.reset();
    world_.coverage.Saw(Situation::kSnapshotGone);
    if (absl::Status discarded = directories_->Discard(); !discarded.ok()) return End(discarded);
  } else if (!absl::IsUnavailable(status) && !absl::IsDataLoss(status)) {
    return End(status);
  }
  Try();
}

void SnapshotTaker::End(const absl::Status& status) {
  ++stream_;
  download_.reset();
  std::exchange(done_, nullptr)(status);
}

absl::Status SnapshotTaker::Start(const storage::SnapshotDescriptor& descriptor) {
  auto started = storage::SnapshotDownload::Start(env_, directories_, descriptor);
  if (!started.ok()) return started.status();
  download_ = *std::move(started);
  return absl::OkStatus();
}

absl::Status SnapshotTaker::On(const SnapshotBegin& begin) {
  const auto descriptor = storage::SnapshotDescriptor::Parse(begin.descriptor);
  if (!descriptor.ok()) return descriptor.status();
  if (descriptor->cluster != options_.cluster || descriptor->slot < at_least_ ||
      (snapshot_ != 0 && snapshot_ != descriptor->id())) {
    return absl::InvalidArgumentError("this is not the snapshot that was asked for");
  }
  snapshot_ = descriptor->id();
  return download_ == nullptr ? Start(*descriptor) : absl::OkStatus();
}

absl::Status SnapshotTaker::On(const SnapshotChunk& chunk) {
  absl::Status status = download_->Write(snapshot_, {chunk.file, chunk.offset}, chunk.data);
  if (absl::IsDataLoss(status)) world_.coverage.Saw(Situation::kDamagedFileRefused);
  return status;
}

void SnapshotTaker::OnEnd(const absl::Status& status) {
  if (!status.ok()) return Retry(status);
  if (download_ == nullptr || download_->next()) {
    return Retry(absl::UnavailableError("the sender ended before the end"));
  }
  if (absl::Status finished = download_->Finish(); !finished.ok()) return Retry(finished);
  End(absl::OkStatus());
}

void SnapshotTaker::Take(const SnapshotPiece& piece) {
  if (!done_ || piece.stream.life != process_.life() || piece.stream.number != stream_) return;
  ++pieces_;
  if (const auto* end = std::get_if<SnapshotEnd>(&piece.body)) return OnEnd(end->status);
  const auto* chunk = std::get_if<SnapshotChunk>(&piece.body);
  const absl::Status status =
      chunk != nullptr ? On(*chunk) : On(std::get<SnapshotBegin>(piece.body));
  if (!status.ok()) Retry(status);
}

}  // namespace synod::sim
