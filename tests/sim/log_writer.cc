#include "tests/sim/log_writer.h"

#include <algorithm>
#include <utility>

namespace synod::sim {

void LogWriter::Push(Work work) {
  if (work.empty()) return;
  if (work.records.empty() && !syncing_) {
    hooks_.done(std::move(work));
    return;
  }
  waiting_.push_back(std::move(work));
  if (!syncing_) StartSync();
}

void LogWriter::StartSync() {
  syncing_ = true;
  in_flight_ = std::exchange(waiting_, {});
  absl::Status status;
  for (const Work& work : in_flight_) {
    if (status.ok()) status = log_.Append(work.records);
  }
  if (status.ok()) status = log_.Sync();
  if (!status.ok()) {
    hooks_.failed(std::move(status));
    return;
  }
  process_.After(hooks_.draw_latency(), [this] { FinishSync(); });
}

void LogWriter::FinishSync() {
  hooks_.settle();
  // Letting go may push more work, which finds the writer busy and waits its turn.
  Release(std::exchange(in_flight_, {}));
  while (!waiting_.empty() && std::all_of(waiting_.begin(), waiting_.end(), NeedsNoSync)) {
    Release(std::exchange(waiting_, {}));
  }
  syncing_ = false;
  if (!waiting_.empty()) StartSync();
}

void LogWriter::Release(std::vector<Work> works) {
  for (Work& work : works) hooks_.done(std::move(work));
}

}  // namespace synod::sim
