// Proposals of this node's clients that have not been answered yet.
//
// Each is answered exactly once: when this replica applies its command, when its deadline passes,
// or when its leader has been replaced and the command did not make it. The table never calls
// anybody: it hands the finished ones out, to be run where no lock is held.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_NODE_PENDING_TABLE_H_
#define SYNOD_SERVICES_NODE_PENDING_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "services/kv/types.h"
#include "services/paxos/value.h"
#include "services/rpc/backend.h"

namespace synod::node {

struct FinishedProposal {
  rpc::Backend::ProposeDone done;
  rpc::ProposeOutcome outcome;

  void Run() { done(std::move(outcome)); }
};

class PendingTable {
 public:
  using Finished = std::vector<FinishedProposal>;

  // Sequences count upwards from `first_sequence`, which no earlier life of this node used.
  PendingTable(NodeId self, uint64_t first_sequence, size_t max_pending)
      : self_(self), max_pending_(max_pending), next_sequence_(first_sequence) {}

  // The id under which to propose; nothing when the table is full, and `done` is left alone.
  std::optional<paxos::CommandId> Add(absl::Duration deadline, rpc::Backend::ProposeDone& done);

  // The result of an applied command; one that is not pending any more is ignored.
  struct Applied {
    uint64_t sequence = 0;
    kv::Result result;
  };
  void Resolve(std::vector<Applied> applied, Finished& finished);

  // Fails one proposal.
  void Fail(uint64_t sequence, rpc::Failure failure, Finished& finished);

  // Fails those with a sequence at or below this one.
  void FailThrough(uint64_t sequence, rpc::Failure failure, Finished& finished);

  void FailAll(rpc::Failure failure, Finished& finished);

  // Fails with kTimeout what is past its deadline. Cheap when nothing is.
  void Expire(absl::Duration now, Finished& finished);

  size_t size() const;
  uint64_t failed_total() const;

 private:
  struct Pending {
    absl::Duration deadline;
    rpc::Backend::ProposeDone done;
  };
  template <class Predicate>
  void FailIf(Predicate predicate, rpc::Failure failure, Finished& finished)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const NodeId self_;
  const size_t max_pending_;

  mutable absl::Mutex mutex_;
  uint64_t next_sequence_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);
  uint64_t failed_total_ ABSL_GUARDED_BY(mutex_) = 0;
  // No pending deadline is earlier; it may be that of one already answered.
  absl::Duration earliest_deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_PENDING_TABLE_H_
