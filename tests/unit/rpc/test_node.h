// A Backend over the real state machine in memory: one node that is its own cluster, with switches
// for what goes wrong. Callbacks come from a thread of its own, as in production.
#ifndef SYNOD_TESTS_UNIT_RPC_TEST_NODE_H_
#define SYNOD_TESTS_UNIT_RPC_TEST_NODE_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "services/kv/state_machine.h"
#include "services/rpc/backend.h"
#include "services/storage/engine.h"

namespace synod::rpc {

class TestNode final : public Backend {
 public:
  TestNode();
  ~TestNode() override;

  // Every request from now on fails so; kNone serves again.
  void FailWith(Failure failure);

  // Requests from now on, and status changes, wait until released; at their deadline they fail with
  // kTimeout.
  void Stall(bool stalled);
  bool AwaitStalled(size_t count);

  void SetLeader(NodeId leader);
  void SetQuorumContactAge(absl::Duration age);
  void SetStalledFor(absl::Duration stalled);
  void SetMembers(std::vector<Member> members);

  // From the next AwaitReadable on, its callers find this applied. Until then they do not: a member
  // that is behind.
  void ApplyWhenAwaited(const kv::Request& request);

  // While held, a range from now on is read as a long one is: it asks whether to give up until the
  // answer is yes, or it is let go. Single keys pass.
  void HoldRanges(bool held);
  bool AwaitHeldRanges(size_t count);
  size_t ranges_begun() const;

  // No request had a later deadline.
  absl::Duration last_deadline() const;

  // Lets so much time pass on the node's clock.
  void Advance(absl::Duration time) { advanced_ms_ = absl::ToInt64Milliseconds(time); }

  // What the next change of members, or hand-over, ends with.
  void SetMemberOutcome(MemberOutcome outcome);
  void SetHandOverOutcome(HandOverOutcome outcome);
  // What was asked for last.
  MemberChange last_change() const;
  NodeId last_transferee() const;

  // The deadline given with the last request, as time from then.
  absl::Duration last_budget() const;

  // How Defragment ends.
  void DefragmentWith(absl::Status status);
  // Whether the last one has been cancelled.
  bool defragment_cancelled() const;

  // Applies at once, past all switches. Returns the revision.
  kv::Revision Apply(const kv::Request& request);

  void Propose(kv::Request request, absl::Duration deadline, ProposeDone done) override;
  void AwaitReadable(absl::Duration deadline, ReadableDone done) override;
  void ChangeMembers(MemberChange change, absl::Duration deadline, MembersDone done) override;
  void MoveLeader(NodeId to, absl::Duration deadline, HandOverDone done) override;
  std::shared_ptr<const kv::ReadView> View() const override;
  kv::Error Refuses(const kv::Request& request) const override;
  void Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                  std::function<void(absl::Status)> done) override;
  NodeStatus Status() const override;
  uint64_t ballot_round() const override { return 7; }
  std::shared_ptr<void> Subscribe(std::function<void()> changed) override;
  absl::Duration Now() const override {
    return clock_.Monotonic() + absl::Milliseconds(advanced_ms_.load());
  }

 private:
  class HeldView;

  // What to do, and the failure to do it with.
  using Work = std::function<void(Failure)>;

  void Enqueue(absl::Duration deadline, Work work);
  bool Hold(kv::GiveUp give_up) const;  // false when given up
  void Run();
  void Change(const std::function<void()>& change);
  kv::Result ApplyNext(const kv::Request& request);

  SystemClock clock_;
  std::atomic<int64_t> advanced_ms_{0};
  std::unique_ptr<storage::Engine> engine_;
  std::unique_ptr<kv::StateMachine> machine_;
  absl::Mutex apply_mutex_;

  mutable absl::Mutex mutex_;
  absl::CondVar wake_;
  std::multimap<absl::Duration, Work> work_ ABSL_GUARDED_BY(mutex_);  // by deadline
  Failure failure_ ABSL_GUARDED_BY(mutex_) = Failure::kNone;
  absl::Status defragmented_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<std::atomic<bool>> cancel_ ABSL_GUARDED_BY(mutex_);  // of the last Defragment
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<kv::Request> missing_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_budget_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_deadline_ ABSL_GUARDED_BY(mutex_);
  bool ranges_held_ ABSL_GUARDED_BY(mutex_) = false;
  mutable size_t ranges_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable size_t ranges_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  NodeStatus status_ ABSL_GUARDED_BY(mutex_);
  MemberOutcome member_outcome_ ABSL_GUARDED_BY(mutex_);
  HandOverOutcome hand_over_outcome_ ABSL_GUARDED_BY(mutex_) = HandOverOutcome::kDone;
  MemberChange last_change_ ABSL_GUARDED_BY(mutex_);
  NodeId last_transferee_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::function<void()>> subscribers_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_subscriber_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace synod::rpc

#endif  // SYNOD_TESTS_UNIT_RPC_TEST_NODE_H_
