// How busy this node is, over the last second or so: what balancers weigh replicas by.
//
// Thread-safety: safe for concurrent use.
#ifndef SYNOD_SERVICES_NODE_LOAD_METER_H_
#define SYNOD_SERVICES_NODE_LOAD_METER_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/rpc/backend.h"

namespace synod::node {

// User and system time this process has used.
absl::Duration ProcessCpuTime();

class LoadMeter {
 public:
  // `cores`: how many this process may use.
  explicit LoadMeter(int cores) : cores_(cores) {}

  // Totals since the process started.
  struct Totals {
    absl::Duration cpu;
    double requests = 0;
    double errors = 0;
  };

  // Rates since the last call that was at least a second after the one before it; in-flight and
  // queue numbers are the caller's to fill in.
  rpc::LoadReport Report(absl::Duration now, const Totals& totals);

 private:
  const int cores_;

  absl::Mutex mutex_;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration sampled_at_ ABSL_GUARDED_BY(mutex_);
  Totals sample_ ABSL_GUARDED_BY(mutex_);
  rpc::LoadReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_LOAD_METER_H_
