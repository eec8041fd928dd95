// What the gRPC adapters need of the node they serve; services/node implements it, tests fake it.
//
// Thread-safety: every method from any thread. Callbacks run on the node's threads, must not block
// and run exactly once.
#ifndef SYNOD_SERVICES_RPC_BACKEND_H_
#define SYNOD_SERVICES_RPC_BACKEND_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "services/kv/state_machine.h"
#include "services/kv/types.h"
#include "services/rpc/failure.h"
#include "services/rpc/member_change.h"

namespace synod::rpc {

struct ProposeOutcome {
  Failure failure = Failure::kNone;
  kv::Result result;  // when failure is kNone
};

struct LoadReport {
  double cpu_utilization = -1;
  double requests_per_second = 0;
  double errors_per_second = 0;
  uint32_t requests_in_flight = 0;
  double queue_utilization = 0;
};

// A consistent-enough copy for Status, view streams and response headers.
struct NodeStatus {
  ClusterId cluster;
  NodeId self;
  std::string name;
  std::vector<Member> members;         // ascending by id
  uint64_t configuration_version = 0;  // rises with each change of the members; 0: none known yet
  NodeId leader;                       // NodeId() when unknown
  uint64_t ballot_round = 0;           // etcd's raft_term
  NodeId ballot_node;
  bool leading = false;  // and may serve
  Slot chosen;
  Slot applied;
  absl::Duration quorum_contact_age;
  absl::Duration stalled_for;  // how long log or state machine have been at one piece of work
  uint64_t db_size_bytes = 0;
  uint64_t db_size_in_use_bytes = 0;
  uint64_t db_size_quota_bytes = 0;  // zero: none
  LoadReport load;
};

// How asking this member to pass its leadership on ended.
enum class HandOverOutcome : uint8_t {
  kDone,           // the other one leads
  kNotLeader,      // this member does not lead, or not any more
  kBadTransferee,  // no member, or one without a vote
  kTimeout,        // the other one did not take over
};

class Backend {
 public:
  using HandOverDone = std::function<void(HandOverOutcome)>;
  using ProposeDone = std::function<void(ProposeOutcome)>;
  using ReadableDone = std::function<void(Failure)>;

  virtual ~Backend() = default;

  // Proposes on this replica or through its leader; `done` runs when this replica has applied the
  // command, or not later than `deadline` (monotonic) with a failure. Preconditions: the request is
  // valid and within the size limit.
  virtual void Propose(kv::Request request, absl::Duration deadline, ProposeDone done) = 0;

  // `done` runs once View() shows every write acknowledged anywhere before this call.
  virtual void AwaitReadable(absl::Duration deadline, ReadableDone done) = 0;

  // Changes the members, through the leader if need be; `done` runs when the change has been
  // applied there, was refused, or not later than `deadline` with a failure. Precondition: peer
  // URLs are well-formed and at least one.
  virtual void ChangeMembers(MemberChange change, absl::Duration deadline, MembersDone done) = 0;

  // Makes `to` the leader, if this member leads.
  virtual void MoveLeader(NodeId to, absl::Duration deadline, HandOverDone done) = 0;

  // The newest applied state; enough for serializable reads.
  virtual std::shared_ptr<const kv::ReadView> View() const = 0;

  // What an alarm that this replica knows of has against the request; kNone when nothing.
  virtual kv::Error Refuses(const kv::Request& request) const = 0;

  // Gives back to the disk what erased data still takes of this member's database. That may take
  // minutes; Cancelled soon after `*cancel` turns true. FailedPrecondition while another one is
  // under way.
  virtual void Defragment(std::shared_ptr<std::atomic<bool>> cancel,
                          std::function<void(absl::Status)> done) = 0;

  virtual NodeStatus Status() const = 0;

  // Cheap: for response headers.
  virtual uint64_t ballot_round() const = 0;

  // Calls `changed` (quick, non-blocking) whenever members, leader or role may have changed. The
  // returned handle ends the subscription when destroyed; no call runs after that.
  virtual std::shared_ptr<void> Subscribe(std::function<void()> changed) = 0;

  // Monotonic time of the node's clock: what deadlines above are measured in.
  virtual absl::Duration Now() const = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_BACKEND_H_
