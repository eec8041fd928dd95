// Linearizable reads of this node's clients: many share one read of the core, and each is answered
// when this replica has applied the slot that the core names.
//
// A read:  waiting --StartRound--> in the round under way --Confirmed(slot)--> until applied --> ok
//
// Invariant: a read joins a round only if it arrived before the round started (Ongaro 2014, section
// 6.4). One round is under way at a time; reads that arrive meanwhile form the next.
//
// Thread-safety: all methods from any thread; StartRound, Confirmed and Abandon are the replica
// thread's, Applied the apply thread's.
#ifndef SYNOD_SERVICES_NODE_READ_BATCHER_H_
#define SYNOD_SERVICES_NODE_READ_BATCHER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "services/rpc/backend.h"

namespace synod::node {

struct FinishedRead {
  rpc::Backend::ReadableDone done;
  rpc::Failure failure = rpc::Failure::kNone;

  void Run() { done(failure); }
};

class ReadBatcher {
 public:
  using Finished = std::vector<FinishedRead>;

  // `applied`: what the state machine holds at the start.
  ReadBatcher(size_t max_reads, Slot applied) : max_reads_(max_reads), applied_(applied) {}

  enum class Added {
    kFirst,   // a round may have to be started: wake the replica thread
    kJoined,  // somebody else has seen to that
    kFull,    // refused; `done` is left alone
  };
  Added Add(absl::Duration deadline, rpc::Backend::ReadableDone& done);

  // Starts a round for everyone waiting and returns its id, unless nobody waits or a round is under
  // way.
  std::optional<uint64_t> StartRound();

  // The core has not taken the round: its reads wait again.
  void Abandon(uint64_t round);

  // The reads of this round are linearizable once `slot` is applied. An old round is ignored.
  void Confirmed(uint64_t round, Slot slot, Finished& finished);

  void Applied(Slot slot, Finished& finished);

  // Fails everything that does not yet wait for a slot, and ends the round under way.
  void FailUnconfirmed(rpc::Failure failure, Finished& finished);

  void FailAll(rpc::Failure failure, Finished& finished);

  // Fails what is past its deadline: with kTimeoutNotApplied what waits for a slot, so that this
  // node's own lateness shows; the rest with kTimeout.
  void Expire(absl::Duration now, Finished& finished);

  size_t size() const;

 private:
  struct Read {
    absl::Duration deadline;
    rpc::Backend::ReadableDone done;
  };
  using Batch = std::vector<Read>;

  void Finish(Batch& batch, rpc::Failure failure, Finished& finished)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ExpireIn(Batch& batch, absl::Duration now, rpc::Failure failure, Finished& finished)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_reads_;

  mutable absl::Mutex mutex_;
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  Slot applied_ ABSL_GUARDED_BY(mutex_);
  Batch waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t round_ ABSL_GUARDED_BY(mutex_) = 0;  // the last one started
  bool under_way_ ABSL_GUARDED_BY(mutex_) = false;
  Batch in_round_ ABSL_GUARDED_BY(mutex_);
  std::map<Slot, Batch> until_applied_ ABSL_GUARDED_BY(mutex_);
  // No deadline is earlier; it may be that of one already answered.
  absl::Duration earliest_deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

// Tells each read its outcome, where no lock is held.
void RunAll(ReadBatcher::Finished& finished);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_READ_BATCHER_H_
