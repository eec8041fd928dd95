#include "tests/unit/rpc/test_node.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/check.h"
#include "services/kv/command.h"
#include "services/kv/validate.h"
#include "services/storage/memory_engine.h"

namespace synod::rpc {

// Holds ranges, as HoldRanges says.
class TestNode::HeldView final : public kv::ReadView {
 public:
  HeldView(const TestNode& node, std::shared_ptr<const kv::ReadView> view)
      : node_(node), view_(std::move(view)) {}

  Slot applied() const override { return view_->applied(); }
  kv::Revision revision() const override { return view_->revision(); }
  kv::Revision compact_revision() const override { return view_->compact_revision(); }

  kv::ReadResult<kv::RangeResponse> Range(const kv::RangeRequest& request,
                                          kv::GiveUp give_up) const override {
    if (!kv::IsPointRead(request) && !node_.Hold(give_up)) return {kv::Error::kGivenUp, {}};
    return view_->Range(request, give_up);
  }

  kv::ReadResult<kv::TxnResponse> Txn(const kv::TxnRequest& request,
                                      kv::GiveUp give_up) const override {
    if (!kv::IsPointRead(request) && !node_.Hold(give_up)) return {kv::Error::kGivenUp, {}};
    return view_->Txn(request, give_up);
  }

  kv::ReadResult<kv::HashResponse> Hash(kv::Revision revision, kv::GiveUp give_up) const override {
    if (!node_.Hold(give_up)) return {kv::Error::kGivenUp, {}};
    return view_->Hash(revision, give_up);
  }

  kv::ReadResult<kv::AlarmResponse> Alarms(kv::AlarmType type) const override {
    return view_->Alarms(type);
  }

 private:
  const TestNode& node_;
  const std::shared_ptr<const kv::ReadView> view_;
};

TestNode::TestNode()
    : engine_(storage::OpenMemoryEngine(std::make_shared<storage::MemoryDisk>()).value()) {
  auto machine = kv::StateMachine::Open(engine_.get());
  SYNOD_CHECK(machine.ok()) << machine.status();
  machine_ = *std::move(machine);
  {
    absl::MutexLock lock(&mutex_);
    status_.cluster = ClusterId(0xc1);
    status_.self = NodeId(0xa1);
    status_.name = "n1";
    status_.members = {{NodeId(0xa1), "n1", {"http://n1:2380"}, {"http://n1:2379"}, false},
                       {NodeId(0xa2), "", {"http://n2:2380"}, {}, true}};
    status_.configuration_version = 3;
    status_.leader = NodeId(0xa1);
    status_.ballot_round = 7;
    status_.ballot_node = NodeId(0xa1);
    status_.leading = true;
    status_.db_size_bytes = 4096;
    status_.db_size_in_use_bytes = 1024;
    status_.db_size_quota_bytes = 8192;
    status_.load.requests_in_flight = 5;
  }
  thread_ = std::thread([this] { Run(); });
}

TestNode::~TestNode() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  thread_.join();
}

void TestNode::FailWith(Failure failure) {
  absl::MutexLock lock(&mutex_);
  failure_ = failure;
}

void TestNode::Stall(bool stalled) {
  absl::MutexLock lock(&mutex_);
  stalled_ = stalled;
  wake_.SignalAll();
}

bool TestNode::AwaitStalled(size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto reached = [&] { return work_.size() >= count; };
  return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20));
}

void TestNode::HoldRanges(bool held) {
  absl::MutexLock lock(&mutex_);
  ranges_held_ = held;
}

bool TestNode::AwaitHeldRanges(size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto reached = [&] { return ranges_waiting_ >= count; };
  return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20));
}

size_t TestNode::ranges_begun() const {
  absl::MutexLock lock(&mutex_);
  return ranges_begun_;
}

bool TestNode::Hold(kv::GiveUp give_up) const {
  absl::MutexLock lock(&mutex_);
  ++ranges_begun_;
  ++ranges_waiting_;
  const auto released = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !ranges_held_; };
  bool given_up = false;
  while (!given_up && !mutex_.AwaitWithTimeout(absl::Condition(&released), absl::Milliseconds(1))) {
    given_up = give_up();
  }
  --ranges_waiting_;
  return !given_up;
}

absl::Duration TestNode::last_deadline() const {
  absl::MutexLock lock(&mutex_);
  return last_deadline_;
}

void TestNode::Change(const std::function<void()>& change) {
  absl::MutexLock lock(&mutex_);
  change();
  for (const auto& [id, changed] : subscribers_) changed();
}

void TestNode::SetLeader(NodeId leader) {
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    status_.leader = leader;
    status_.leading = leader == status_.self;
  });
}

void TestNode::SetQuorumContactAge(absl::Duration age) {
  absl::MutexLock lock(&mutex_);  // growing old is no change that anybody is told
  status_.quorum_contact_age = age;
}

void TestNode::SetStalledFor(absl::Duration stalled) {
  absl::MutexLock lock(&mutex_);
  status_.stalled_for = stalled;
}

void TestNode::SetMembers(std::vector<Member> members) {
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    status_.members = std::move(members);
    ++status_.configuration_version;
  });
}

void TestNode::SetMemberOutcome(MemberOutcome outcome) {
  absl::MutexLock lock(&mutex_);
  member_outcome_ = std::move(outcome);
}

void TestNode::SetHandOverOutcome(HandOverOutcome outcome) {
  absl::MutexLock lock(&mutex_);
  hand_over_outcome_ = outcome;
}

MemberChange TestNode::last_change() const {
  absl::MutexLock lock(&mutex_);
  return last_change_;
}

NodeId TestNode::last_transferee() const {
  absl::MutexLock lock(&mutex_);
  return last_transferee_;
}

absl::Duration TestNode::last_budget() const {
  absl::MutexLock lock(&mutex_);
  return last_budget_;
}

kv::Revision TestNode::Apply(const kv::Request& request) {
  return ApplyNext(request).revision;
}

kv::Result TestNode::ApplyNext(const kv::Request& request) {
  absl::MutexLock lock(&apply_mutex_);
  const std::string command = kv::EncodeCommand(request);
  const kv::SlotCommands slot{machine_->applied().next(), {command}};
  auto results = machine_->Apply({slot});
  SYNOD_CHECK(results.ok()) << results.status();
  return results->front();
}

void TestNode::Propose(kv::Request request, absl::Duration deadline, ProposeDone done) {
  Enqueue(deadline, [this, request = std::move(request), done = std::move(done)](Failure failure) {
    done(failure == Failure::kNone ? ProposeOutcome{failure, ApplyNext(request)}
                                   : ProposeOutcome{failure, {}});
  });
}

void TestNode::ApplyWhenAwaited(const kv::Request& request) {
  absl::MutexLock lock(&mutex_);
  missing_ = request;
}

void TestNode::AwaitReadable(absl::Duration deadline, ReadableDone done) {
  Enqueue(deadline, [this, done = std::move(done)](Failure failure) {
    std::optional<kv::Request> missing;
    {
      absl::MutexLock lock(&mutex_);
      missing.swap(missing_);
    }
    if (missing) ApplyNext(*missing);
    done(failure);
  });
}

void TestNode::ChangeMembers(MemberChange change, absl::Duration deadline, MembersDone done) {
  MemberOutcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    last_change_ = std::move(change);
    outcome = member_outcome_;
  }
  Enqueue(deadline, [outcome = std::move(outcome), done = std::move(done)](Failure failure) {
    done(failure == Failure::kNone ? outcome
                                   : MemberOutcome{failure, MemberRefusal::kNone, {}, {}});
  });
}

void TestNode::MoveLeader(NodeId to, absl::Duration deadline, HandOverDone done) {
  HandOverOutcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    last_transferee_ = to;
    outcome = hand_over_outcome_;
  }
  Enqueue(deadline, [outcome, done = std::move(done)](Failure) { done(outcome); });
}

void TestNode::Enqueue(absl::Duration deadline, Work work) {
  absl::MutexLock lock(&mutex_);
  last_budget_ = deadline - Now();
  last_deadline_ = std::max(last_deadline_, deadline);
  work_.emplace(deadline, std::move(work));
  wake_.SignalAll();
}

void TestNode::Run() {
  while (true) {
    Work work;
    Failure failure = Failure::kNone;
    {
      absl::MutexLock lock(&mutex_);
      while (work_.empty() || (stalled_ && !stopping_ && work_.begin()->first > Now())) {
        if (work_.empty() && stopping_) return;
        const absl::Duration wait =
            work_.empty() ? absl::InfiniteDuration() : work_.begin()->first - Now();
        wake_.WaitWithTimeout(&mutex_, wait);
      }
      failure = stopping_ ? Failure::kStopped : stalled_ ? Failure::kTimeout : failure_;
      work = std::move(work_.begin()->second);
      work_.erase(work_.begin());
    }
    work(failure);
  }
}

std::shared_ptr<const kv::ReadView> TestNode::View() const {
  return std::make_shared<HeldView>(*this, machine_->View());
}

kv::Error TestNode::Refuses(const kv::Request& request) const {
  return machine_->Refuses(request);
}

void TestNode::DefragmentWith(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  defragmented_ = std::move(status);
}

bool TestNode::defragment_cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancel_ != nullptr && cancel_->load();
}

void TestNode::Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                          std::function<void(absl::Status)> done) {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    cancel_ = std::move(cancel);
    status = defragmented_;
  }
  Enqueue(Now() + absl::Seconds(10), [status, done = std::move(done)](Failure) { done(status); });
}

NodeStatus TestNode::Status() const {
  absl::MutexLock lock(&mutex_);
  NodeStatus status = status_;
  status.applied = View()->applied();
  status.chosen = status.applied + 1;
  return status;
}

std::shared_ptr<void> TestNode::Subscribe(std::function<void()> changed) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = ++last_subscriber_;
  subscribers_[id] = std::move(changed);
  return std::shared_ptr<void>(nullptr, [this, id](void*) {
    absl::MutexLock relock(&mutex_);
    subscribers_.erase(id);
  });
}

}  // namespace synod::rpc
