// The configurations as of the last slot applied here, for all threads that need to know who is a
// member.
//
// Thread-safety: all methods from any thread; Set is the apply thread's.
#ifndef SYNOD_SERVICES_NODE_APPLIED_MEMBERS_H_
#define SYNOD_SERVICES_NODE_APPLIED_MEMBERS_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/paxos/configuration.h"

namespace synod::node {

// Rises with each configuration, from 1; 0 when none is known.
inline uint64_t VersionOf(const paxos::ConfigurationHistory& history) {
  return history.empty() ? 0 : history.latest().chosen_at.value() + 1;
}

class AppliedMembers {
 public:
  // `told`: the version that a joining node was told it is a member by.
  AppliedMembers(NodeId self, paxos::ConfigurationHistory history, uint64_t told)
      : self_(self), version_(told) {
    Set(std::move(history));
  }

  void Set(paxos::ConfigurationHistory history) {
    absl::MutexLock lock(&mutex_);
    history_ = std::move(history);
    if (!history_.empty() && history_.latest().configuration->Contains(self_)) {
      version_.store(VersionOf(history_), std::memory_order_relaxed);
    }
  }

  paxos::ConfigurationHistory Get() const {
    absl::MutexLock lock(&mutex_);
    return history_;
  }

  // Of the newest configuration that has this node as a member, as far as it knows.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }

 private:
  const NodeId self_;
  std::atomic<uint64_t> version_;
  mutable absl::Mutex mutex_;
  paxos::ConfigurationHistory history_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_APPLIED_MEMBERS_H_
