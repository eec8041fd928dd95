#include "services/node/load_meter.h"

#include <sys/resource.h>

#include <algorithm>

namespace synod::node {

absl::Duration ProcessCpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

rpc::LoadReport LoadMeter::Report(absl::Duration now, const Totals& totals) {
  absl::MutexLock lock(&mutex_);
  const absl::Duration elapsed = now - sampled_at_;
  if (started_ && elapsed < absl::Seconds(1)) return report_;
  if (started_) {
    const double seconds = absl::ToDoubleSeconds(elapsed);
    report_.cpu_utilization =
        std::clamp(absl::FDivDuration(totals.cpu - sample_.cpu, elapsed) / cores_, 0.0, 1.0);
    report_.requests_per_second = (totals.requests - sample_.requests) / seconds;
    report_.errors_per_second = (totals.errors - sample_.errors) / seconds;
  }
  started_ = true;
  sampled_at_ = now;
  sample_ = totals;
  return report_;
}

}  // namespace synod::node
