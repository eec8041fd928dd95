#include "services/rpc/snapshot_stream.h"

namespace synod::rpc {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

SnapshotStream::SnapshotStream(ReadPool* pool, Open open, SnapshotPlace from,
                               std::function<void()> ended)
    : pool_(pool), open_(std::move(open)), at_(from), ended_(std::move(ended)) {
  Post(&SnapshotStream::Begin);
}

void SnapshotStream::OnWriteDone(bool ok) {
  if (!ok) return Finish({grpc::StatusCode::CANCELLED, "the receiver has gone"});
  Post(&SnapshotStream::SendNext);
}

void SnapshotStream::OnDone() {
  ended_();
  delete this;
}

void SnapshotStream::Post(void (SnapshotStream::*work)()) {
  if (!pool_->Post([this, work] { (this->*work)(); })) {
    Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many snapshots are being sent"});
  }
}

void SnapshotStream::Begin() {
  auto source = open_();
  if (!source.ok()) return Finish(ToGrpc(source.status()));
  source_ = *std::move(source);
  if (at_.file > source_->files() ||
      (at_.file < source_->files() && at_.offset > source_->FileBytes(at_.file))) {
    return Finish({grpc::StatusCode::OUT_OF_RANGE, "the snapshot has no such place"});
  }
  chunk_.set_snapshot(source_->descriptor());
  StartWrite(&chunk_);
}

void SnapshotStream::SendNext() {
  while (at_.file < source_->files() && at_.offset >= source_->FileBytes(at_.file)) {
    ++at_.file;
    at_.offset = 0;
  }
  if (at_.file == source_->files()) return Finish(grpc::Status::OK);
  auto data = source_->Read(at_.file, at_.offset);
  if (!data.ok()) return Finish(ToGrpc(data.status()));
  chunk_.Clear();
  chunk_.set_file(at_.file);
  chunk_.set_offset(at_.offset);
  at_.offset += data->size();
  chunk_.set_data(*std::move(data));
  StartWrite(&chunk_);
}

}  // namespace synod::rpc
