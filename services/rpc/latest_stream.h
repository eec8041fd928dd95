// A server stream of values of which only the newest matters. While one is being written the next
// ones replace each other, so that a slow reader costs one value and gets the newest.
//
// Thread-safety: all methods from any thread. gRPC deletes it when the stream is done.
#ifndef SYNOD_SERVICES_RPC_LATEST_STREAM_H_
#define SYNOD_SERVICES_RPC_LATEST_STREAM_H_

#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/server_callback.h"

namespace synod::rpc {

template <class T>
class LatestStream final : public grpc::ServerWriteReactor<T> {
 public:
  // `done` runs last of all; Publish and End must not be called from then on.
  explicit LatestStream(std::function<void(LatestStream*)> done) : done_(std::move(done)) {}

  void Publish(T value) {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    next_ = std::move(value);
    Advance();
  }

  // Ends the stream behind the last value published.
  void End(grpc::Status status) {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    ending_ = std::move(status);
    Advance();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) {
      next_.reset();
      if (!ending_.has_value()) ending_ = grpc::Status::CANCELLED;
    }
    Advance();
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    done_(this);
    delete this;
  }

 private:
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (next_.has_value()) {
      writing_ = true;
      current_ = *std::move(next_);
      next_.reset();
      this->StartWrite(&current_);
    } else if (ending_.has_value()) {
      finished_ = true;
      this->Finish(*ending_);
    }
  }

  const std::function<void(LatestStream*)> done_;
  absl::Mutex mutex_;
  T current_ ABSL_GUARDED_BY(mutex_);  // gRPC's while writing_
  std::optional<T> next_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_LATEST_STREAM_H_
