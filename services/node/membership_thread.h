// Changes of the members, one after the other, and of the leader on request.
//
// A change is the leader's business: whoever is asked hands it on. The leader reads the newest
// configuration (a linearizable read), applies the rules (membership.h) and proposes the result;
// when another change came first, it starts anew. A leader that is to be removed hands over first.
// While it leads it also gives learners that wait for it their vote.
//
// Thread-safety: the public methods from any thread.
#ifndef SYNOD_SERVICES_NODE_MEMBERSHIP_THREAD_H_
#define SYNOD_SERVICES_NODE_MEMBERSHIP_THREAD_H_

#include <functional>
#include <random>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/log/log.h"
#include "common/steady_wait.h"
#include "services/node/applied_members.h"
#include "services/node/mailbox.h"
#include "services/node/membership.h"
#include "services/node/status_board.h"
#include "services/rpc/backend.h"

namespace synod::node {

class MembershipThread {
 public:
  struct Options {
    NodeId self;
    absl::Duration election_timeout;
    int silent_ticks = 0;  // a member that has been silent for longer is not connected
    size_t max_queued = 256;
  };

  // Outlive the thread.
  struct Shared {
    const AppliedMembers* members;
    const StatusBoard* board;
    Log* log;
    const Clock* clock;
  };

  // Called on this thread; as in rpc::Backend.
  struct Outlets {
    std::function<void(absl::Duration deadline, rpc::Backend::ReadableDone done)> await_readable;
    // `payload` is an encoded paxos::ConfigurationChange.
    std::function<void(std::string payload, absl::Duration deadline,
                       rpc::Backend::ProposeDone done)>
        propose;
    std::function<void(NodeId to)> hand_over;
    // Hands the change to the leader at host:port; as rpc::AskForChange, and Cancelled soon after
    // the node has begun to stop.
    std::function<absl::StatusOr<rpc::MemberOutcome>(
        const std::string& address, const rpc::MemberChange& change, absl::Duration timeout)>
        ask_for_change;
  };

  MembershipThread(Options options, Shared shared, Outlets outlets);

  ~MembershipThread() { Stop(); }
  MembershipThread(const MembershipThread&) = delete;
  MembershipThread& operator=(const MembershipThread&) = delete;

  // See rpc::Backend. `handed_on`: by another node, which takes this one for the leader.
  void Change(rpc::MemberChange change, absl::Duration deadline, bool handed_on,
              rpc::MembersDone done);
  void MoveLeader(NodeId to, absl::Duration deadline, rpc::Backend::HandOverDone done);

  // Hands over to whom it can, if this one leads; then, or not later than the deadline unless a
  // change is under way, runs `done`.
  void Resign(absl::Duration deadline, std::function<void()> done);

  // Fails what is under way and queued, and what comes later, with kStopped, and joins. Once is
  // enough; from one thread.
  void Stop();

 private:
  enum class Step { kAgain, kDone };

  void Run();
  rpc::MemberOutcome RunChange(const rpc::MemberChange& change, absl::Duration deadline,
                               bool handed_on);
  Step TryAsLeader(const rpc::MemberChange& change, absl::Duration deadline,
                   rpc::MemberOutcome& outcome);
  Step TryThroughLeader(const rpc::MemberChange& change, NodeId leader, absl::Duration deadline,
                        rpc::MemberOutcome& outcome);
  rpc::HandOverOutcome RunMoveLeader(NodeId to, absl::Duration deadline);
  void PromoteWhoIsReady();

  // Of the voters that are there, the one that has least to catch up; NodeId() when none is.
  NodeId Successor(const paxos::Configuration& configuration) const;
  // False when it still leads after an election timeout.
  bool HandOver(NodeId to, absl::Duration deadline);
  struct Answer;
  rpc::Failure AwaitReadable(absl::Duration deadline);
  rpc::Failure Propose(std::string payload, absl::Duration deadline);
  rpc::Failure Await(const Answer& answer) const;
  MembershipFacts Facts() const;

  // False when the deadline has passed or the thread is to stop.
  bool Pause(absl::Duration deadline);
  absl::Duration Now() const { return shared_.clock->Monotonic(); }

  const Options options_;
  const Shared shared_;
  const Outlets outlets_;
  std::random_device random_;
  Event stopping_;
  Mailbox<std::function<void()>> box_;
  std::thread thread_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_MEMBERSHIP_THREAD_H_
